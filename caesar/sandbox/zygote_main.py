"""The zygote's process: imports once what every child needs, then forks a keeper for each job.

It starts no thread, does no tensor arithmetic and never touches CUDA: a fork would lose or break all
three. It holds nothing but its control socket, so children have nothing to inherit.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from caesar.sandbox.forks import child_wakeups
from caesar.sandbox.frames import send_frame
from caesar.sandbox.keeper import KILL_S, keep
from caesar.sandbox.limits import remove_groups
from caesar.sandbox.linux import become_subreaper, die_with_parent
from caesar.sandbox.order import READY, Order, receive
from caesar.sandbox.report import Report
from caesar.sandbox.runtime import runtime_paths
from caesar.sandbox.tree import kill_descendants, reap

__all__ = ["main"]


def main(control: int, parent: int, preload: Iterable[str]) -> None:
    """Serve the supervisor at the other end of a control socket until it hangs up."""
    die_with_parent(parent)
    become_subreaper()
    _import(preload)
    runtime = runtime_paths()
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=control) as supervisor, child_wakeups() as wakeup:
        supervisor.send(READY)
        _Zygote(supervisor, wakeup, runtime).serve()


def _import(preload: Iterable[str]) -> None:
    for wanted in preload:
        name = wanted.removesuffix("?")
        try:
            module = importlib.import_module(name)
        except ImportError:
            if wanted == name:
                raise
            continue
        if name == "torch":
            module.set_num_threads(1)
            with suppress(ImportError):  # needs setuptools; candidates that build find out themselves
                importlib.import_module("torch.utils.cpp_extension")


class _Zygote:
    def __init__(self, supervisor: socket.socket, wakeup: socket.socket, runtime: tuple[Path, ...]) -> None:
        self._runtime = runtime
        self._supervisor = supervisor
        self._wakeup = wakeup
        self._life, self._end_of_life = os.pipe()
        self._links: dict[int, int] = {}
        """The link of each living keeper, by pid: kept open so that its end means the job's end."""

    def serve(self) -> None:
        poll = select.poll()
        poll.register(self._supervisor, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _events in poll.poll()}
            if self._wakeup.fileno() in ready:
                self._wakeup.recv(4096)
                reap(self._bury)
            if self._supervisor.fileno() in ready:
                order = receive(self._supervisor)
                if order is None:
                    return
                self._fork(order)

    def _fork(self, order: Order) -> None:
        try:
            keeper = os.fork()
        except OSError as error:  # one job more than there is room for is no reason to end the others
            order.report_broken(str(error))
            order.close()
            return
        if keeper == 0:
            keep(order, self._life, self._runtime)
        self._links[keeper] = order.link
        order.close_but_link()

    def _bury(self, pid: int, status: int) -> None:
        """Close a keeper's link; where it did not end by itself, end first what it should have ended."""
        link = self._links.pop(pid, None)
        if link is None:
            return
        if status != 0:
            self._sweep(link)
            remove_groups(pid)
        os.close(link)

    def _sweep(self, link: int) -> None:
        buried: list[tuple[int, int]] = []
        survivors = kill_descendants(lambda *ended: buried.append(ended), within_s=KILL_S, spare=self._links)
        with suppress(OSError):  # the supervisor no longer listens
            send_frame(link, Report.after_sweeping(survivors=survivors).encode())
        for pid, status in buried:
            self._bury(pid, status)
