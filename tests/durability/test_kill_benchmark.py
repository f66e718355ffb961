"""benchmarks/kills.py: that nothing goes wrong with two kills, and that what it looks at can be found wrong."""

import asyncio
import importlib
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from caesar.devices import journal
from caesar.devices.inventory import inventory
from caesar.devices.journal import Entry, What
from caesar.devices.pool import LockedDevicePool
from caesar.devices.processes import MARK, end_marked, this_process
from caesar.events import LeaseReleased, named_texts
from caesar.ports import Append
from caesar.stores.eventlog import SqliteEventLog

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def modules():
    """The script, and the module of what it looks at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module("kills"), importlib.import_module("aftermath")
        for name in ("kills", "aftermath", "measures"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def aftermath(modules):
    return modules[1]


@pytest.fixture(scope="module")
def whole(modules, tmp_path_factory):
    """A pass in which nobody was killed."""
    kills, _ = modules
    one = kills.prepared(tmp_path_factory.mktemp("whole"))
    usual = kills.usual_pass(one)
    return replace(one, isolation=usual.isolation)


@pytest.fixture
def one(whole, tmp_path):
    """A copy of that pass, to be spoilt."""
    shutil.copytree(whole.folder, tmp_path / "pass", ignore=shutil.ignore_patterns("bell-*"))
    return replace(whole, folder=tmp_path / "pass")


@pytest.fixture
def count(aftermath):
    return aftermath.Count()


def rewritten(one, change):
    """The pass's store with other events in its trajectories, each stream chained anew."""
    with SqliteEventLog.open(one.store, clock_us=lambda: 0, read_only=True) as log:
        told = {stream: [each.event for each in log.read(stream)] for stream in log.streams()}
        texts = {
            stream: log.texts([d for e in events for d in named_texts(e)]) for stream, events in told.items()
        }
    shutil.rmtree(one.folder / "caesar.db-locks")
    for path in one.folder.glob("caesar.db*"):
        path.unlink()
    with SqliteEventLog.open(one.store, clock_us=lambda: 0) as log:
        for stream, events in told.items():
            kept = change(events) if "/" in stream else events
            asyncio.run(log.append(Append(stream, 0, tuple(kept), tuple(texts[stream].values()))))


def test_whoever_is_killed_in_a_pass_nothing_is_wrong_or_lost_or_left():
    command = [sys.executable, str(BENCHMARKS / "kills.py"), "--count", "2", "--seed", "test"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr


def test_a_pass_without_a_kill_is_whole(aftermath, one, count):
    aftermath.look_at_store(one, count)
    asyncio.run(aftermath.look_at_devices(one, count))

    assert not any(count.failures.values()), count.failures


def test_another_verdict_and_a_weaker_box_are_found(aftermath, one, count):
    aftermath.look_at_store(replace(one, verdicts=(*one.verdicts[1:], one.verdicts[0])), count)
    told = len(count.wrong)
    aftermath.look_at_store(replace(one, isolation="stricter"), count)

    assert (4, 10) == (told, len(count.wrong))


def test_a_crash_is_forgiven_only_where_the_candidates_own_process_was_killed(aftermath, one, count):
    def crash(events):
        return [_crashed(event) if event.kind == "evaluation_completed" else event for event in events]

    rewritten(one, crash)
    with SqliteEventLog.open(one.store, clock_us=lambda: 0, read_only=True) as log:
        stream = log.streams()[1]
        events = [each.event for each in log.read(stream)]
    aftermath.look_at_trajectory(stream, events, replace(one, victim="candidate"), count)
    forgiven = len(count.wrong)
    aftermath.look_at_trajectory(stream, events, replace(one, victim="candidate's box"), count)

    assert (0, 3) == (forgiven, len(count.wrong))


def _crashed(event):
    verdict = type(event.evaluation.verdict).CRASHED
    evaluation = replace(
        event.evaluation, verdict=verdict, reason="signal:9", mismatch=None, timing=None, baselines=()
    )
    return replace(event, outcome=verdict, evaluation=evaluation)


@pytest.mark.parametrize("kind", ["state_entered", "lease_released", "evaluation_completed", "build_requested"])
@pytest.mark.parametrize("times", [0, 2])
def test_an_event_that_was_lost_or_doubled_is_found(aftermath, one, kind, times):
    def change(events):
        at = next(place for place, event in enumerate(events) if event.kind == kind)
        return [*events[:at], *[events[at]] * times, *events[at + 1 :]]

    rewritten(one, change)
    with SqliteEventLog.open(one.store, clock_us=lambda: 0, read_only=True) as log:
        told = [[each.event for each in log.read(stream)] for stream in log.streams() if "/" in stream]
    unbalanced = [what for events in told for what in aftermath.unbalanced(events)]

    assert 2 == max(len(list(aftermath.diverged(one.store))), len(unbalanced))


def test_a_lease_without_an_end_and_a_request_with_two_are_found(aftermath, one):
    with SqliteEventLog.open(one.store, clock_us=lambda: 0, read_only=True) as log:
        events = [each.event for each in log.read(log.streams()[1])]
    released = next(event for event in events if isinstance(event, LeaseReleased))
    completed = next(event for event in events if event.kind == "build_completed")

    assert [] == list(aftermath.unbalanced(events))
    assert 1 == len(list(aftermath.unbalanced([event for event in events if event is not released])))
    assert 1 == len(list(aftermath.unbalanced([*events, completed])))


def test_a_store_that_lost_its_newest_events_is_found(aftermath, one, count):
    one.before = aftermath.heads(one.store)
    rewritten(one, lambda events: events[:-1])

    aftermath.look_at_store(one, count)

    assert count.lost_events


def test_a_run_that_is_not_over_is_found(aftermath, one, count):
    rewritten(one, lambda events: events[:-1])
    with SqliteEventLog.open(one.store, clock_us=lambda: 0, read_only=True) as log:
        events = [each.event for each in log.read(log.streams()[1])]

    aftermath.look_at_trajectory("stream", events[:13], one, count)
    aftermath.look_at_store(replace(one, folder=one.folder / "nowhere"), count)

    assert 1 == len(count.unfinished)
    assert any("answers to" in told for told in count.lost_events)


def test_a_device_that_cant_be_had_is_found(aftermath, one, count, monkeypatch):
    monkeypatch.setattr(aftermath, "HAD_S", 0.5)

    async def held():
        devices = inventory(environ={"CUDA_VISIBLE_DEVICES": ""}, cpu_slots=one.slots)
        async with LockedDevicePool(devices, folder=one.locks) as pool:
            grant = await pool.acquire("for ever")
            await aftermath.look_at_devices(one, count)
            await pool.release(grant)

    asyncio.run(held())

    assert 1 == len(count.lost_devices)


@pytest.mark.parametrize("what", [What.GRANT, What.RECLAIM])
def test_a_grant_without_an_end_or_with_two_is_found(aftermath, one, count, what):
    token = 1 if what is What.RECLAIM else 99
    journal.append(one.locks, Entry(0, what, "cpu:0", token, os.getpid(), os.getuid()))

    asyncio.run(aftermath.look_at_devices(one, count))

    assert 1 == len(count.lost_devices)


def test_a_process_and_a_file_that_are_left_are_found(aftermath, one, monkeypatch):
    monkeypatch.setattr(aftermath, "QUIET_LOOKS", 2)
    environ = {**os.environ, MARK: this_process().mark}
    with subprocess.Popen(["setsid", "--fork", "sleep", "600"], env=environ):
        pass  # it is a daemon by now, out of the tree
    process = aftermath.wait_for_quiet(one, files=False)
    (one.scratch / "caesar-work-left").mkdir()
    file = aftermath.wait_for_quiet(replace(one, commands=[]))
    left = end_marked(this_process(), within_s=30)

    assert () == left
    assert "processes {" in process
    assert "caesar-work-left" in file
