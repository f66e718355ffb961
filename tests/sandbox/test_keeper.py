"""What a keeper makes of what it sees while it waits."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from caesar.sandbox.forks import child_wakeups
from caesar.sandbox.job import How
from caesar.sandbox.keeper import _Channels, _Child, _End, _wait
from caesar.sandbox.limits import Unlimited

pytestmark = pytest.mark.slow


class PassedOnce(Unlimited):
    """A guard that sees a limit passed once: when it looks again, what passed it has gone."""

    def __init__(self) -> None:
        self._seen = iter([How.MEMORY_LIMIT])

    def passed(self) -> How | None:
        return next(self._seen, None)


class Killer(Unlimited):
    """A guard that kills as the kernel's own count does, and is seen to have done so at the next look."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._has_killed = False

    def passed(self) -> How | None:
        if self._has_killed:
            return How.MEMORY_LIMIT
        os.kill(self._pid, signal.SIGKILL)
        os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
        self._has_killed = True
        return None


@contextmanager
def channels() -> Iterator[_Channels]:
    link, supervisor = socket.socketpair()
    life, zygote = socket.socketpair()
    with link, supervisor, life, zygote, child_wakeups() as wakeup:
        yield _Channels(link.fileno(), life.fileno(), wakeup)


def waited(arguments: list[str], guard: Unlimited) -> _End | How:
    with channels() as listened:
        child = subprocess.Popen(arguments)
        try:
            return _wait(_Child(child.pid), guard, {}, listened)
        finally:
            child.kill()
            child.wait()


def test_a_limit_that_was_seen_once_is_told():
    assert How.MEMORY_LIMIT is waited(["sleep", "600"], PassedOnce())


def test_a_limit_for_which_the_child_was_killed_is_told_and_not_the_kill():
    with channels() as listened:
        child = subprocess.Popen(["sleep", "600"])

        assert How.MEMORY_LIMIT is _wait(_Child(child.pid), Killer(child.pid), {}, listened)


def test_a_child_that_ended_by_itself_passed_no_limit():
    assert _End.DONE is waited(["true"], Unlimited())


def test_a_hang_up_of_the_zygote_is_told_from_that_of_the_supervisor():
    reader, writer = socket.socketpair()
    with channels() as listened, reader, writer:
        ended = os.dup(reader.fileno())
        writer.close()

        assert _End.ORPHANED is _wait(
            _Child(0), Unlimited(), {}, _Channels(listened.link, ended, listened.wakeup)
        )
        assert _End.HUNG_UP is _wait(
            _Child(0), Unlimited(), {}, _Channels(ended, listened.life, listened.wakeup)
        )
        os.close(ended)
