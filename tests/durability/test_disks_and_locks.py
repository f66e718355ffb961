"""The disk fills up, or another program locks the store: nothing acknowledged is lost, nothing half is kept."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from contracts.eventlog import turns

from caesar.errors import StoreError
from caesar.ports import Append
from caesar.stores.eventlog import SqliteEventLog

pytestmark = pytest.mark.slow

FILL = """
import asyncio, hashlib, sys
from pathlib import Path
from caesar.domain import digest_of
from caesar.errors import StoreError
from caesar.events import TurnEnded
from caesar.ports import Append
from caesar.stores.eventlog import SqliteEventLog
from caesar.stores.verify import audit

folder = Path(sys.argv[1])
store, ballast = folder / "caesar.db", folder / "ballast"
ballast.write_bytes(bytes(200_000))

def text_of(version):
    return "".join(hashlib.sha256(b"%d %d" % (version, number)).hexdigest() for number in range(60))

async def fill(log, stream, acknowledged):
    while True:
        version = acknowledged.get(stream, 0)
        text = f"{stream} {text_of(version)}"
        try:
            await log.append(Append(stream, version, (TurnEnded(version + 1, None, digest_of(text)),), (text,)))
        except StoreError as error:
            return str(error)
        acknowledged[stream] = version + 1

async def everyone(log, acknowledged):
    return await asyncio.gather(*(fill(log, f"run/{number}/0", acknowledged) for number in range(5)))

acknowledged = {}
with SqliteEventLog.open(store, clock_us=lambda: 0) as log:
    errors = asyncio.run(everyone(log, acknowledged))
    ballast.unlink()  # someone makes room
    again = Append("run/0/0", acknowledged["run/0/0"], (TurnEnded(1, None, digest_of("small")),), ("small",))
    asyncio.run(log.append(again))
    acknowledged["run/0/0"] += 1
with SqliteEventLog.open(store, clock_us=lambda: 0, read_only=True) as log:
    there = {stream: len(log.read(stream)) for stream in log.streams()}
found = audit(store)
damages = [one for one in found.damages if one.why != "its run's stream is missing"]
print("errors", sorted({error.partition(" at ")[0] for error in errors}))
print("kept", there == acknowledged, sum(there.values()) > 20)
print("sound", not damages and not found.loose)
"""


def can_mount():
    """Whether this user may mount a file system in a namespace of its own."""
    if shutil.which("unshare") is None or os.geteuid() != 0:
        return False
    tried = subprocess.run(
        ["unshare", "-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"], capture_output=True, check=False
    )
    return tried.returncode == 0


@pytest.mark.skipif(not can_mount(), reason="NOT TESTED HERE: a full disk needs root and mount namespaces")
def test_a_disk_that_fills_up_loses_nothing_and_the_log_goes_on_once_there_is_room(tmp_path):
    small = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" -c "$3" "$1"'

    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", small, "sh", tmp_path, sys.executable, FILL],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ["errors ['the disk is full']", "kept True True", "sound True"] == done.stdout.splitlines(), (
        done.stderr
    )


def hold(store, held, let_go):
    """What another program does that keeps a transaction open."""
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        held.set()
        let_go.wait()
        other.execute("ROLLBACK")


@pytest.fixture
def locked(store):
    """Lock the store from outside, now; the function that lets go of it, and has done so when it returns."""
    held, let_go = threading.Event(), threading.Event()
    thread = threading.Thread(target=hold, args=(store, held, let_go))

    def release():
        let_go.set()
        thread.join()

    def lock():
        thread.start()
        held.wait()
        return release

    yield lock
    release()


@pytest.fixture
def store(tmp_path):
    return tmp_path / "caesar.db"


@pytest.mark.timeout(300)
def test_appends_wait_for_a_program_that_locks_the_store_for_a_minute(store, locked, full):
    with SqliteEventLog.open(store, clock_us=lambda: 0) as log:
        asyncio.run(log.append(Append("run", 0, turns(1))))
        threading.Timer(60 if full else 1, locked()).start()

        asyncio.run(log.append(Append("run", 1, turns(2))))

        assert list(turns(1, 2)) == [envelope.event for envelope in log.read("run")]


def test_appends_that_could_not_wait_so_long_are_refused_whole_and_can_be_made_again(store, locked):
    with SqliteEventLog.open(store, clock_us=lambda: 0, patience_s=0.2) as log:
        asyncio.run(log.append(Append("run", 0, turns(1))))
        release = locked()

        with pytest.raises(StoreError, match="locked by another program"):
            asyncio.run(log.append(Append("run", 1, turns(2, 2), ("a text",))))
        assert 1 == len(log.read("run"))
        release()
        asyncio.run(log.append(Append("run", 1, turns(2, 2), ("a text",))))

        assert 3 == len(log.read("run"))
