"""What a forked process without exec has to put right: inherited descriptors, signals, wake-ups."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["child_wakeups", "close_all_but", "default_signals"]


def close_all_but(kept: Collection[int]) -> None:
    """Close every descriptor of this process that is not kept."""
    for descriptor in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if descriptor not in kept:
            with suppress(OSError):  # the one that listed the folder is closed by now
                os.close(descriptor)


def default_signals() -> None:
    """Undo what a zygote or keeper set for itself."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


@contextmanager
def child_wakeups() -> Iterator[socket.socket]:
    """A socket that becomes readable whenever a child ends; for the main thread of a process."""
    reader, writer = socket.socketpair()
    for end in (reader, writer):
        end.setblocking(False)
    with reader, writer:
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noted)
        try:
            yield reader
        finally:
            default_signals()


def _noted(_number: int, _frame: object) -> None:
    """Only a signal with a handler wakes up a poll."""
