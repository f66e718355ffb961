"""`caesar devices`: who holds what, since when and for what, who waits, and what is in quarantine."""

from __future__ import annotations

import asyncio
import os
import pwd
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from caesar.cli.files import cpu_slots, lock_folder
from caesar.cli.look import open_store
from caesar.cli.output import clear_screen, emit_json, emit_table, emit_text, note
from caesar.devices.folder import prepare_folder
from caesar.devices.health import healthy
from caesar.devices.inventory import Device, find_gpus, inventory
from caesar.devices.lease import Lease, holder, try_lease
from caesar.devices.quarantine import read_quarantine
from caesar.devices.state import Holder, read_state
from caesar.devices.turnstile import lines
from caesar.domain import Digest
from caesar.engine.fork import read_trajectory
from caesar.engine.plan import fold_run
from caesar.errors import CaesarError, UsageError

__all__ = ["devices_command"]

_EVERY_S = 1.0
_LOOKS_S = 1.0
"""For how long one who lifts is not put off by those who look at the lock, or try it, and let go."""
_PAUSE_S = 0.01


def devices_command(store: Path, *, lift: str | None, watch: bool, json: bool) -> int:
    """Print the devices, once or again and again, or lift a quarantine; 1 where that was refused."""
    folder = prepare_folder(lock_folder())
    if lift is not None:
        return _lift(_known(lift), folder)
    if watch and json:
        raise UsageError("--watch is for people: call `caesar devices --json` again and again instead")
    if json:
        emit_json(_document(folder, store))
        return 0
    while True:
        shown = _document(folder, store)
        if watch:
            clear_screen()
        _show(shown)
        if not watch:
            return 0
        time.sleep(_EVERY_S)


def _all_devices() -> tuple[Device, ...]:
    """Every device of this machine: its GPUs, hidden ones too, and the CPU's slots."""
    environ = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    gpus = find_gpus(environ).devices
    return (*gpus, *inventory(environ={"CUDA_VISIBLE_DEVICES": ""}, cpu_slots=cpu_slots()))


def _known(name: str) -> Device:
    for device in _all_devices():
        if name in {device.id, str(device.index)}:
            return device
    listed = ", ".join(device.id for device in _all_devices())
    raise UsageError(f"no device {name} here; there are: {listed}")


def _lift(device: Device, folder: Path) -> int:
    """Give a device again if it passes its probe."""
    if read_quarantine(folder, device.id) is None:
        raise UsageError(f"device {device.id} is not in quarantine: there is nothing to lift")
    lease = _taken(device, folder)
    if lease is None:
        raise UsageError(f"device {device.id} is held by a process; try again when it has ended")
    try:
        lease.reclaim()
        wrong = asyncio.run(healthy(device))
        if wrong is None:
            lease.lift("by hand, after a probe that passed")
    finally:
        lease.end()
    note(f"device {device.id} is given again" if wrong is None else f"device {device.id} stays: {wrong}")
    return 0 if wrong is None else 1


def _taken(device: Device, folder: Path) -> Lease | None:
    """The device's lease; None where somebody holds it, and not only looks whether somebody does."""
    deadline = time.monotonic() + _LOOKS_S
    while True:
        lease = try_lease(device.id, folder=folder, quarantined=True)
        if lease is not None or time.monotonic() > deadline:
            return lease
        time.sleep(_PAUSE_S)


def _document(folder: Path, store: Path) -> dict[str, object]:
    queue = [{"devices": line.devices, "waiting": line.waiting} for line in lines(folder)]
    devices = [_row(device, folder, store) for device in _all_devices()]
    return {"folder": str(folder), "devices": devices, "queue": queue}


def _row(device: Device, folder: Path, store: Path) -> dict[str, object]:
    held = holder(device.id, folder=folder)
    quarantine = read_quarantine(folder, device.id)
    work = _work(held.request, store) if held is not None else None
    return {
        "device": device.id,
        "name": device.name,
        "cpus": list(device.cpus) or None,
        "state": _state(held, quarantined=quarantine is not None),
        "token": read_state(folder, device.id).token,
        "pid": held.process.pid if held else None,
        "user": _user(held.uid) if held else None,
        "since": _instant(held.since_us) if held else None,
        "request": held.request if held else None,
        "run": work[0] if work else None,
        "candidate": work[1] if work else None,
        "quarantine": None
        if quarantine is None
        else {
            "reason": quarantine.reason,
            "since": _instant(quarantine.since_us),
            "lift": f"caesar devices --lift {device.id}",
        },
    }


def _state(held: Holder | None, *, quarantined: bool) -> str:
    """free, quarantine, what the holder does, or reclaiming where the last holder is dead."""
    if held is None:
        return "quarantine" if quarantined else "free"
    return held.doing.value if held.process.alive else "reclaiming"


def _work(request: str, store: Path) -> tuple[str | None, Digest | None] | None:
    """The run's name and the candidate of a request, where the store knows them."""
    stream = request.partition(":")[0]
    if not store.exists() or "/" not in stream:
        return None
    with suppress(CaesarError), open_store(store) as log:
        name = fold_run(log.read(stream.partition("/")[0])).name
        turn = read_trajectory(log.read, stream).turn
        return name, turn.candidate if turn else None
    return None


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _instant(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="seconds")


def _show(shown: dict[str, object]) -> None:
    devices, queue = shown["devices"], shown["queue"]
    assert isinstance(devices, list)
    assert isinstance(queue, list)
    columns = ("device", "name", "state", "pid", "user", "since", "run", "request")
    emit_table(columns, [tuple(row[column] for column in columns) for row in devices])
    for row in devices:
        if row["quarantine"] is not None:
            why = row["quarantine"]
            emit_text(
                f"{row['device']}: in quarantine since {why['since']}: {why['reason']}; lift: {why['lift']}"
            )
    waiting = sum(line["waiting"] for line in queue)
    emit_text(f"waiting: {waiting} process{'' if waiting == 1 else 'es'}; locks in {shown['folder']}")
