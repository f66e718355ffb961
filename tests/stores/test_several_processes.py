"""Several processes, killed ones and full disks."""

import resource
import subprocess
import sys
from contextlib import ExitStack
from itertools import islice

import pytest
from contracts.eventlog import NOW_US

from caesar.domain import digest_of
from caesar.stores.eventlog import SqliteEventLog

pytestmark = pytest.mark.slow

WRITE = """
import asyncio, sys
from pathlib import Path
from caesar.domain import digest_of
from caesar.errors import ConflictError, StoreError
from caesar.events import TurnEnded
from caesar.ports import Append
from caesar.stores.eventlog import SqliteEventLog

path, name, streams, events = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

def append_of(stream, version):
    text = f"{stream} {version} " + "".join(str(digit * version) for digit in range(200))
    return Append(stream, version, (TurnEnded(version + 1, None, digest_of(text)),), (text,))

async def own_stream(log, stream):
    for version in range(events):
        try:
            await log.append(append_of(stream, version))
        except StoreError as error:
            print("failed", error, flush=True)
            return
        print(stream, version + 1, flush=True)

async def shared_stream(log):
    version = 0
    while version < events:
        try:
            await log.append(append_of("shared", version))
            print("shared", version + 1, flush=True)
        except ConflictError as error:
            version = error.actual
        else:
            version += 1

async def main():
    with SqliteEventLog.open(path, clock_us=lambda: 0) as log:
        print("ready", flush=True)
        sys.stdin.readline()
        if streams:
            await asyncio.gather(*(own_stream(log, f"{name}/{number}/0") for number in range(streams)))
        else:
            await shared_stream(log)

asyncio.run(main())
"""


@pytest.fixture
def start(store):
    """Start a process that writes to the store, once it is told to."""
    with ExitStack() as stack:

        def start(name, *, streams, events, **options):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", WRITE, store, name, str(streams), str(events)],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options,
                )
            )  # fmt: skip
            stack.callback(process.kill)
            assert process.stdout.readline() == "ready\n"
            return process

        yield start


def go(*processes):
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()


def acknowledged(lines):
    """The last acknowledged version of each stream."""
    return {stream: int(version) for stream, version in (line.split() for line in lines)}


def read_all(store):
    with SqliteEventLog.open(store, clock_us=lambda: NOW_US, read_only=True) as log:
        return {stream: log.read(stream) for stream in log.streams()}


def test_processes_write_one_store_at_the_same_time_and_none_of_them_starves(start, store):
    writers = [start(name, streams=8, events=120) for name in ("a", "b", "c")]
    go(*writers)
    outputs = [writer.communicate()[0].splitlines() for writer in writers]

    streams = read_all(store)
    assert {stream: 120 for output in outputs for stream in acknowledged(output)} == {
        stream: len(envelopes) for stream, envelopes in streams.items()
    }
    ends = sorted(
        max(events[-1].seq for name, events in streams.items() if name[0] == writer) for writer in "abc"
    )
    assert ends[0] > 1000, "one process wrote nearly everything before the others wrote anything"


def test_processes_that_write_one_stream_each_win_some_versions_and_lose_the_others(start, store):
    writers = [start(name, streams=0, events=60) for name in ("a", "b")]
    go(*writers)
    won = [line for writer in writers for line in writer.communicate()[0].splitlines()]

    assert sorted(f"shared {version}" for version in range(1, 61)) == sorted(won)
    assert len(read_all(store)["shared"]) == 60


@pytest.mark.parametrize("after", [1, 50, 300])
def test_everything_acknowledged_survives_kill_9(start, store, after):
    writer = start("a", streams=10, events=100_000)
    go(writer)
    lines = list(islice(writer.stdout, after))
    writer.kill()
    lines += [line for line in writer.stdout if line.endswith("\n")]

    streams = read_all(store)
    for stream, version in acknowledged(lines).items():
        assert version <= len(streams[stream])
    named = [envelope.event.feedback for envelopes in streams.values() for envelope in envelopes]
    with SqliteEventLog.open(store, clock_us=lambda: NOW_US) as log:
        assert set(named) == {digest_of(text) for text in log.texts(named).values()}


def limit_file_size():
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))


def test_a_disk_that_fills_up_loses_nothing_that_was_acknowledged(start, store):
    writer = start("a", streams=5, events=100_000, preexec_fn=limit_file_size)
    go(writer)
    lines = writer.communicate()[0].splitlines()

    failures = [line for line in lines if line.startswith("failed")]
    assert len(failures) == 5
    assert all(str(store) in failure and "what was acknowledged is kept" in failure for failure in failures)
    assert acknowledged(line for line in lines if not line.startswith("failed")) == {
        stream: len(envelopes) for stream, envelopes in read_all(store).items()
    }
