"""Leases under fire: many processes on few slots, holders killed by SIGKILL throughout.

Each worker takes a slot, holds it for 10 to 40 ms and gives it back, again and again; the parent kills
a holder every tenth of a second and starts another in its place. Whether two ever hold one slot
is told by the workers themselves, by a lock of their own, independently of what is measured here.
Utilisation is the share of slot time that a worker was at work, by the journal. Fairness is Jain's
index of the grants of the workers that lived throughout.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import signal
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from measures import Measure, at_least, at_most, cpu_of_children, parser, report

from caesar.devices.inventory import Device
from caesar.devices.journal import Entry, What, entries
from caesar.devices.lease import holder, try_lease
from caesar.devices.pool import LockedDevicePool

SLOTS = 8
WORKERS = 48
HOLD_S = (0.010, 0.040)
KILL_EVERY_S = 0.1
LIVING = WORKERS // 2
"""The workers that are never killed, among which fairness is judged."""


def slots() -> tuple[Device, ...]:
    return tuple(Device(f"cpu:{number}", "a slot") for number in range(SLOTS))


async def work(folder: Path, name: str) -> None:
    """Take, hold and give back until killed or told to stop."""
    chance = random.Random(name)
    async with LockedDevicePool(slots(), folder=folder / "locks") as pool:
        while not (folder / "stop").exists():
            grant = await pool.acquire(name)
            with (folder / f"in-use-{grant.device}").open("a") as mark:
                try:
                    # one that is dropped before any flock when a process dies
                    fcntl.lockf(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    (folder / f"violation-{grant.device}-{grant.token}").touch()
                await asyncio.sleep(chance.uniform(*HOLD_S))
            await pool.release(grant)


async def leased_once() -> None:
    """Do once what a process pays for once (regular expressions, decoders): workers are forked with it done."""
    with tempfile.TemporaryDirectory() as elsewhere:
        async with LockedDevicePool(slots(), folder=Path(elsewhere)) as pool:
            await pool.release(await pool.acquire("warm up"))
        assert holder(slots()[0].id, folder=Path(elsewhere)) is None


def started(folder: Path, name: str) -> int:
    """A worker's pid: forked, because a fresh interpreter would cost more than a hundred leases."""
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(work(folder, name))
        except BaseException as error:  # noqa: BLE001 - a worker must not go on as its parent
            (folder / f"fault-{os.getpid()}").write_text(repr(error))
        os._exit(0)
    return pid


def held_by(folder: Path, pids: set[int]) -> list[int]:
    """Those of the processes that hold a slot at this instant."""
    found = (holder(slot.id, folder=folder / "locks") for slot in slots())
    return [each.process.pid for each in found if each is not None and each.process.pid in pids]


def storm(folder: Path, seconds: float) -> tuple[dict[int, float], float, float]:
    """Run it; who was killed when, and between which instants everybody was at work."""
    living = [started(folder, f"living-{number}") for number in range(LIVING)]
    doomed = [started(folder, f"doomed-{number}") for number in range(WORKERS - LIVING)]
    while len({entry.pid for entry in entries(folder / "locks")}) < WORKERS:
        time.sleep(0.1)
    began = time.time()
    killed: dict[int, float] = {}
    while time.time() < began + seconds:
        time.sleep(random.uniform(0.0, 2 * KILL_EVERY_S))
        for victim in held_by(folder, set(doomed))[:1]:
            killed[victim] = time.time()
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            doomed.remove(victim)
            doomed.append(started(folder, f"doomed-{WORKERS + len(killed)}"))
    ended = time.time()
    (folder / "stop").touch()
    for pid in (*living, *doomed):
        os.waitpid(pid, 0)
    return killed, began, ended


def swept(folder: Path) -> int:
    """Close what the last victims left open, as the next user would; how many slots are free."""
    free = 0
    for slot in slots():
        lease = try_lease(slot.id, folder=folder / "locks")
        if lease is not None:
            lease.reclaim()
            lease.end()
            free += holder(slot.id, folder=folder / "locks") is None
    return free


def unclosed(lines: Sequence[Entry]) -> int:
    """Grants that were not closed by exactly one release or reclaim, and ends without a grant."""
    ends = Counter((e.device, e.token) for e in lines if e.what in {What.RELEASE, What.RECLAIM})
    grants = Counter((e.device, e.token) for e in lines if e.what is What.GRANT)
    return sum(ends[key] != 1 or grants[key] != 1 for key in ends.keys() | grants.keys())


def overlapping(lines: Sequence[Entry]) -> int:
    """Grants of a device that the journal has before the last one of it was closed."""
    open_: dict[str, int] = {}
    count = 0
    for entry in lines:
        if entry.what is What.GRANT:
            count += entry.device in open_
            open_[entry.device] = entry.token
        elif entry.what in {What.RELEASE, What.RECLAIM}:
            open_.pop(entry.device, None)
    return count


def utilisation(lines: Sequence[Entry], killed: Mapping[int, float], began: float, ended: float) -> float:
    """The share of the slots' time between two instants that was under a grant, until its holder's death."""
    grants = {(entry.device, entry.token): entry for entry in lines if entry.what is What.GRANT}
    used = 0.0
    for entry in lines:
        grant = grants.get((entry.device, entry.token))
        if grant is not None and entry.what in {What.RELEASE, What.RECLAIM}:
            until = entry.at_us / 1e6 if entry.what is What.RELEASE else killed[grant.pid]
            used += max(0.0, min(until, ended) - max(grant.at_us / 1e6, began))
    return used / (SLOTS * (ended - began))


def jain(counts: Sequence[int]) -> float:
    return sum(counts) ** 2 / (len(counts) * sum(count * count for count in counts))


def measured(seconds: float) -> tuple[Measure, ...]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "locks").mkdir(mode=0o700)
        asyncio.run(leased_once())
        before_s = cpu_of_children()
        killed, began, ended = storm(folder, seconds)
        spent_s = cpu_of_children() - before_s
        free = swept(folder)
        lines = tuple(entries(folder / "locks"))
        written = (folder / "locks" / "journal.jsonl").read_bytes().count(b"\n")
        violations = len(list(folder.glob("violation-*"))) + overlapping(lines)
        faults = len(list(folder.glob("fault-*")))
    grants = sum(e.what is What.GRANT for e in lines)
    during = [e for e in lines if e.what is What.GRANT and began <= e.at_us / 1e6 < ended]
    living = Counter(e.request for e in during if (e.request or "").startswith("living"))
    waits = [1000 * (e.seconds or 0.0) for e in during]
    centiles = statistics.quantiles(waits, n=100, method="inclusive")
    return (
        Measure("grants", len(during), ""),
        Measure("killed by SIGKILL", len(killed), ""),
        Measure("grants reclaimed", sum(e.what is What.RECLAIM for e in lines), ""),
        at_most("two holders at once", violations, "", target=0),
        at_most("faults", faults, "", target=0),
        at_most("lines of the journal that can't be read", written - len(lines), "", target=0),
        at_most("grants not closed exactly once", unclosed(lines), "", target=0),
        at_most("slots not free at the end", SLOTS - free, "", target=0),
        at_least("utilisation", utilisation(lines, killed, began, ended), "", target=0.90),
        at_least("fairness (Jain)", jain(list(living.values())), "", target=0.99),
        Measure("acquiring, p50", centiles[49], "ms"),
        Measure("acquiring, p99", centiles[98], "ms"),
        Measure("CPU of all workers by grants", 1000 * spent_s / grants, "ms"),
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=60.0)
    chosen = options.parse_args()
    report(measured(chosen.seconds), as_json=chosen.json)


if __name__ == "__main__":
    main()
