import mmap
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from caesar.sandbox.box import Box, Tier
from caesar.sandbox.job import How
from caesar.sandbox.limits import Unlimited, Watchdog, guarded, remove_groups
from caesar.sandbox.tree import descendants

MIB = 1 << 20


@contextmanager
def child(work) -> Iterator[int]:
    """A fork that has done some work, and then waits to be killed."""
    ready, done = os.pipe()
    pid = os.fork()
    if pid == 0:
        held = work()
        os.write(done, b"x")
        time.sleep(600)
        os._exit(len(held))
    os.read(ready, 1)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ready)
        os.close(done)


def block() -> bytearray:
    held = bytearray(64 * MIB)
    held[::4096] = b"x" * len(held[::4096])
    return held


def mapped_file() -> mmap.mmap:
    descriptor = os.memfd_create("file")
    os.ftruncate(descriptor, 64 * MIB)
    held = mmap.mmap(descriptor, 64 * MIB)
    held[::4096] = b"x" * len(held[::4096])
    return held


@pytest.mark.slow
def test_the_watchdog_sees_memory_above_the_limit_and_not_below():
    with child(block):
        assert How.MEMORY_LIMIT is Watchdog(Box(memory_bytes=32 * MIB)).passed()
        assert Watchdog(Box(memory_bytes=4 << 30)).passed() is None


@pytest.mark.slow
def test_the_watchdog_counts_processes_and_one_more_in_namespaces():
    others = len(list(descendants(os.getpid())))
    with child(bytearray), child(bytearray):
        assert How.PROCESS_LIMIT is Watchdog(Box(processes=others + 1)).passed()
        assert Watchdog(Box(Tier.NAMESPACE, processes=others + 1)).passed() is None
        assert Watchdog(Box(processes=others + 2)).passed() is None


@pytest.mark.parametrize(("look_s", "pause_s"), [(0.0, 0.05), (0.01, 0.2), (3.0, 1.0)])
def test_the_watchdog_pauses_longer_after_a_long_look_but_never_for_long(monkeypatch, look_s, pause_s):
    watchdog = Watchdog(Box(processes=1000))
    clock = iter([0.0, look_s])
    monkeypatch.setattr("caesar.sandbox.limits.time.monotonic", lambda: next(clock))

    watchdog.passed()

    assert pytest.approx(pause_s) == watchdog.pause_s


@pytest.mark.slow
def test_the_watchdog_sees_memory_files_that_are_mapped():
    with child(mapped_file):
        assert How.MEMORY_LIMIT is Watchdog(Box(memory_bytes=32 * MIB)).passed()


def test_without_limits_nothing_is_watched():
    with guarded(Box()) as guard:
        assert isinstance(guard, Unlimited)
        assert guard.passed() is None
        assert guard.pause_s is None


@pytest.mark.slow
def test_a_guard_leaves_nothing_behind():
    with guarded(Box(memory_bytes=1 << 30, processes=50)) as guard:
        assert guard.passed() is None

    with guarded(Box(memory_bytes=1 << 30, processes=50)) as guard:  # a group of that name could not be made
        assert guard.passed() is None


def test_removing_groups_that_are_not_there_does_nothing():
    remove_groups(1)
