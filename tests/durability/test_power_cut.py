"""The power goes: whatever was acknowledged is there, and nothing half written is taken for an event.

A shim writes down every write and sync of a process that appends. For every sync the state of the disk
right after it is made anew: all that was synced, with none, all, or some of what was not.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from caesar.stores.eventlog import SqliteEventLog
from caesar.stores.verify import audit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("gcc") is None, reason="needs gcc, to compile the shim that records writes"
    ),
]

SHIM = Path(__file__).with_name("powercut.c")
SEED = 11

WRITE = """
import asyncio, os, sys
from pathlib import Path
from caesar.domain import digest_of
from caesar.events import TurnEnded
from caesar.ports import Append
from caesar.stores.eventlog import SqliteEventLog

folder, count = Path(sys.argv[1]), int(sys.argv[2])
acks = os.open(folder / "acks", os.O_WRONLY | os.O_CREAT)

async def produce(log, stream):
    for version in range(count):
        text = f"{stream} {version} " + "".join(str(digit * (version + 3)) for digit in range(900))
        await log.append(Append(stream, version, (TurnEnded(version + 1, None, digest_of(text)),), (text,)))
        os.write(acks, f"{stream} {version + 1}\\n".encode())

async def main(log):
    await asyncio.gather(*(produce(log, f"run/{number}/0") for number in range(4)))

with SqliteEventLog.open(folder / "caesar.db", clock_us=lambda: 0) as log:
    log._writer._transactions._connection.execute("PRAGMA wal_autocheckpoint = 40")  # some within the test
    asyncio.run(main(log))
"""


@dataclass(frozen=True)
class Step:
    """One thing that was done to a file."""

    what: str
    name: str
    one: int
    two: int
    data: bytes = b""


def record(folder: Path, count: int) -> list[Step]:
    """Append under the shim; all that reached the kernel, in order."""
    shim = folder / "powercut.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", shim, SHIM, "-ldl", "-lpthread"], check=True)
    place = folder / "written"
    place.mkdir()
    watched = {
        "LD_PRELOAD": str(shim),
        "POWERCUT_FOLDER": str(place),
        "POWERCUT_RECORD": str(folder / "record"),
    }
    subprocess.run([sys.executable, "-c", WRITE, place, str(count)], check=True, env={**os.environ, **watched})
    return list(steps((folder / "record").read_bytes()))


def steps(recorded: bytes):
    position = 0
    while position < len(recorded):
        end = recorded.index(b"\n", position)
        what, name, one, two = recorded[position:end].decode().split(" ")
        position = end + 1
        length = int(two) if what == "write" else 0
        yield Step(what, name, int(one), int(two), recorded[position : position + length])
        position += length


def disk(history: list[Step], *, lose) -> dict[str, bytearray]:
    """The files after these steps, when what was not synced is lost where `lose` says so."""
    pending: dict[str, list[Step]] = defaultdict(list)
    files: dict[str, bytearray] = {}
    for step in history:
        if step.what == "sync":
            for each in pending.pop(step.name, []):
                do(files, each)
        elif step.what == "remove":
            pending.pop(step.name, None)
            files.pop(step.name, None)
        else:
            pending[step.name].append(step)
    for unsynced in pending.values():
        for step in unsynced:
            if not lose(step):
                do(files, step)
    return files


def do(files: dict[str, bytearray], step: Step) -> None:
    if step.what == "open":
        if step.one or step.name not in files:
            files[step.name] = bytearray()
        return
    content = files.setdefault(step.name, bytearray())
    if step.what == "truncate":
        del content[step.one :]
        content.extend(bytes(step.one - len(content)))
        return
    content.extend(bytes(max(0, step.one + len(step.data) - len(content))))
    content[step.one : step.one + len(step.data)] = step.data


def acknowledged(history: list[Step]) -> dict[str, int]:
    """The last version of each stream that was acknowledged."""
    said = b"".join(step.data for step in history if step.name == "acks").decode()
    return {stream: int(version) for stream, version in (line.split(" ") for line in said.splitlines())}


def opened_again(folder: Path, files: dict[str, bytearray]) -> dict[str, int]:
    """How many events each stream has when the store is opened by a writer after the power came back."""
    folder.mkdir()
    for name, content in files.items():
        if "/" not in name and not name.endswith("-shm"):
            (folder / name).write_bytes(content)
    store = folder / "caesar.db"
    with SqliteEventLog.open(store, clock_us=lambda: 0) as log:
        lengths = {stream: len(log.read(stream)) for stream in log.streams()}
    found = audit(store)
    loose = [told for told in found.loose if "run's stream" not in told]
    damages = [one for one in found.damages if one.why != "its run's stream is missing"]
    assert ([], []) == (loose, damages)
    return lengths


@pytest.mark.parametrize("fate", ["none", "all", "some"])
def test_after_every_sync_all_that_was_acknowledged_is_there_and_sound(tmp_path, full, fate):
    draw = random.Random(SEED)
    lose = {"none": lambda _: False, "all": lambda _: True, "some": lambda _: draw.random() < 0.5}[fate]
    history = record(tmp_path, 40 if full else 12)
    syncs = [at for at, step in enumerate(history, start=1) if step.what == "sync"]
    assert len(syncs) > 12

    for number, at in enumerate(syncs):
        lengths = opened_again(tmp_path / f"cut-{number}", disk(history[:at], lose=lose))
        promised = acknowledged(history[:at])
        assert promised == {
            stream: min(lengths.get(stream, 0), version) for stream, version in promised.items()
        }
        shutil.rmtree(tmp_path / f"cut-{number}")
