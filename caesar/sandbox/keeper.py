"""One process per job, between zygote and child: it runs nothing of the job, and outlives all of it.

It waits until the child ends, the supervisor hangs up, a limit is passed or the zygote dies, then kills
whatever the job has started, however it was detached, and reports. It is a fork, so it never returns.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Never

from caesar.sandbox.box import Box, Tier
from caesar.sandbox.child import Start, run_child, run_first
from caesar.sandbox.forks import child_wakeups, close_all_but
from caesar.sandbox.frames import send_frame
from caesar.sandbox.identity import may_all_use, own_number
from caesar.sandbox.job import How
from caesar.sandbox.limits import Guard, guarded
from caesar.sandbox.linux import become_subreaper
from caesar.sandbox.namespaces import STATUS, fork_into_namespaces, map_users
from caesar.sandbox.order import Call, Order
from caesar.sandbox.report import Report
from caesar.sandbox.tree import kill_descendants, reap

__all__ = ["KILL_S", "keep"]

KILL_S = 15.0
"""How long processes may take to die of SIGKILL before they are reported as survivors."""


def keep(order: Order, life: int, runtime: tuple[Path, ...]) -> Never:
    """Run the job in a child and end all of it; the zygote is dead once `life` reaches its end.

    Where keeper or child can't be set up, or the keeper fails later, the supervisor is told so, and the
    status tells the zygote to end what is left.
    """
    _end_here(order, lambda: _keep(order, life, runtime))


@dataclass(frozen=True, slots=True)
class _Child:
    """A started child, or the first process of its namespaces, which tells the child's status on a pipe."""

    pid: int
    status: int | None = None

    def report(self, statuses: dict[int, int], *, end: _End, survivors: int) -> Report:
        """How the child ended; a fault where the first process was killed, which nothing in the box can do."""
        status = statuses.get(self.pid)  # None where it would not die
        if self.status is not None and status is not None:
            told = os.read(self.status, STATUS.size)
            if not told and end is _End.DONE and os.WIFSIGNALED(status):
                return Report.broken("the first process of its box was killed; try it again")
            status = int(STATUS.unpack(told)[0]) if told else status
        return Report.of(status, survivors=survivors)


def _keep(order: Order, life: int, runtime: tuple[Path, ...]) -> None:
    close_all_but({0, 1, 2, life, *order.descriptors})
    become_subreaper()
    call = Call.read(order.spec)
    number = _number(call, runtime)
    with child_wakeups() as wakeup, guarded(call.box) as guard:
        child = _started(order, call, runtime, number=number, guard=guard)
        order.close_but_link()
        _watch(child, guard, link=order.link, life=life, wakeup=wakeup)


def _number(call: Call, runtime: tuple[Path, ...]) -> int | None:
    """The user that the child becomes, if it can do its work as nobody in particular."""
    box = call.box
    number = own_number() if box.tier is not Tier.NONE else None
    ways = (call.folder, *box.reads, *runtime) if box.tier is Tier.PROCESS else ()
    if number is None or not may_all_use((*box.reads, Path(os.__file__)), box.devices, ways=ways):
        return None
    if box.tier is Tier.PROCESS or box.disk_bytes is None:
        os.chown(call.folder, number, number)
    return number


def _started(
    order: Order, call: Call, runtime: tuple[Path, ...], *, number: int | None, guard: Guard
) -> _Child:
    """The child, counted and let go."""
    gate, opened = os.pipe()
    start = Start(order, call, gate, runtime, number)
    child = _forked(start, call.box)
    os.close(gate)
    try:
        if call.box.tier is Tier.NAMESPACE:
            map_users(child.pid, number)
        os.write(opened, b"g")
        guard.admit(child.pid)
        os.write(opened, b"g")
    except OSError:
        os.kill(child.pid, signal.SIGKILL)
        raise
    os.close(opened)
    return child


def _forked(start: Start, box: Box) -> _Child:
    keeper = os.getpid()
    if box.tier is not Tier.NAMESPACE:
        child = os.fork()
        if child == 0:
            _end_here(start.order, lambda: run_child(start, keeper=keeper))
        return _Child(child)
    told, status = os.pipe()
    child = fork_into_namespaces()
    if child == 0:
        _end_here(start.order, lambda: run_first(start, status))
    os.close(status)
    return _Child(child, told)


def _end_here(order: Order, run: Callable[[], None]) -> Never:
    """Run, and end this process whatever happens: the frames above belong to whom it was forked from."""
    status = 1
    try:
        run()
        status = 0
    except (OSError, MemoryError, ValueError) as error:  # no memory, or what the kernel says is not understood
        order.report_broken(str(error) or repr(error))
    finally:
        os._exit(status)


def _watch(child: _Child, guard: Guard, *, link: int, life: int, wakeup: socket.socket) -> None:
    statuses: dict[int, int] = {}
    end = _wait(child, guard, statuses, _Channels(link, life, wakeup))
    guard.kill()
    survivors = kill_descendants(statuses.__setitem__, within_s=KILL_S)
    match end:
        case _End.ORPHANED:
            pass
        case How():
            _tell(link, Report.of(None, survivors=survivors, limit=end))
        case _:
            _tell(link, child.report(statuses, end=end, survivors=survivors))


class _End(Enum):
    """Why a keeper stops waiting, where no limit was passed."""

    DONE = auto()
    """The child has ended."""
    HUNG_UP = auto()
    """The supervisor wants it to end."""
    ORPHANED = auto()
    """The zygote is dead."""


@dataclass(frozen=True, slots=True)
class _Channels:
    """What a keeper listens to."""

    link: int
    life: int
    wakeup: socket.socket

    def wait(self, pause_s: float | None) -> frozenset[int]:
        """Those of link and life that were hung up, once anything happens or the pause is over."""
        poll = select.poll()
        for descriptor in (self.link, self.life, self.wakeup.fileno()):
            poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _events in poll.poll(None if pause_s is None else pause_s * 1000)}
        with suppress(BlockingIOError):
            while self.wakeup.recv(4096):
                pass
        return frozenset(ready - {self.wakeup.fileno()})


def _wait(child: _Child, guard: Guard, statuses: dict[int, int], channels: _Channels) -> _End | How:
    """Return once the child has ended or somebody hung up, or with the limit that was passed.

    What the guard saw is not asked again: a moment later its processes may be gone, killed for it.
    """
    while True:
        reap(statuses.__setitem__)
        passed = guard.passed()
        if passed:
            return passed
        if child.pid in statuses:
            return _End.DONE
        ready = channels.wait(guard.pause_s)
        if channels.life in ready:
            return _End.ORPHANED
        if channels.link in ready:
            return _End.HUNG_UP


def _tell(link: int, report: Report) -> None:
    with suppress(OSError):  # the supervisor is gone, and with it whom to tell
        send_frame(link, report.encode())
