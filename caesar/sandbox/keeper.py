"""One process per job, between zygote and child: it runs nothing of the job, and outlives all of it.

It waits until the child ends, the supervisor hangs up or the zygote dies, then kills whatever the
job has started, however it was detached, and reports. It is a fork, so it never returns.
"""

from __future__ import annotations

import os
import select
import socket
from contextlib import suppress
from typing import Never

from caesar.sandbox.child import run_child
from caesar.sandbox.forks import child_wakeups, close_all_but
from caesar.sandbox.frames import send_frame
from caesar.sandbox.linux import become_subreaper
from caesar.sandbox.order import Order
from caesar.sandbox.report import Report
from caesar.sandbox.tree import kill_descendants, reap

__all__ = ["KILL_S", "keep"]

KILL_S = 15.0
"""How long processes may take to die of SIGKILL before they are reported as survivors."""


def keep(order: Order, life: int) -> Never:
    """Run the job in a child and end all of it; the zygote is dead once `life` reaches its end.

    Where keeper or child can't be set up, nothing has run, and the supervisor is told so.
    """
    try:
        _keep(order, life)
    except OSError as error:
        _tell(order.link, Report.broken(str(error)))
    os._exit(0)


def _keep(order: Order, life: int) -> None:
    close_all_but({0, 1, 2, life, *order.descriptors})
    become_subreaper()
    keeper = os.getpid()
    with child_wakeups() as wakeup:
        child = os.fork()
        if child == 0:
            _become_child(order, keeper=keeper)
        order.close_but_link()
        _watch(child, link=order.link, life=life, wakeup=wakeup)


def _become_child(order: Order, *, keeper: int) -> Never:
    """Ends here whatever happens: the frames above belong to the keeper."""
    try:
        run_child(order, keeper=keeper)
    except OSError as error:
        _tell(order.link, Report.broken(str(error)))
    os._exit(1)


def _watch(child: int, *, link: int, life: int, wakeup: socket.socket) -> None:
    statuses: dict[int, int] = {}
    orphaned = _wait(child, statuses, link=link, life=life, wakeup=wakeup)
    survivors = kill_descendants(statuses.__setitem__, within_s=KILL_S)
    if not orphaned:
        _tell(link, Report.of(statuses.get(child), survivors=survivors))


def _wait(child: int, statuses: dict[int, int], *, link: int, life: int, wakeup: socket.socket) -> bool:
    """Return once the child has ended, or somebody hung up; True if that was the zygote."""
    poll = select.poll()
    for descriptor in (link, life, wakeup.fileno()):
        poll.register(descriptor, select.POLLIN)
    while True:
        reap(statuses.__setitem__)
        if child in statuses:
            return False
        ready = {descriptor for descriptor, _events in poll.poll()}
        if life in ready:
            return True
        if link in ready:
            return False
        _drain(wakeup)


def _tell(link: int, report: Report) -> None:
    with suppress(OSError):  # the supervisor is gone, and with it whom to tell
        send_frame(link, report.encode())


def _drain(wakeup: socket.socket) -> None:
    with suppress(BlockingIOError):
        while wakeup.recv(4096):
            pass
