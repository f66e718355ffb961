"""The bell of a line: whoever gives a device up rings, and the head of the line looks there at once.

A FIFO that only the head holds open, so nobody's ring outlasts it. A ring is a hint: one that is lost (its
ringer was killed) costs no more than the time until the head looks by itself.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from caesar.devices.folder import file_mode

__all__ = ["Bell", "ring"]

_HEARD_BYTES = 4096


class Bell:
    """A bell as its line's head hears it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ringing = select.poll()
        self._ringing.register(descriptor, select.POLLIN)

    @classmethod
    @contextmanager
    def hung(cls, path: Path) -> Iterator[Bell]:
        """Listen; OSError where there is something else at the path."""
        descriptor = _opened(path)
        try:
            yield cls(descriptor)
        finally:
            os.close(descriptor)

    def heard(self, within_s: float) -> tuple[str, ...]:
        """What was given up, as it was rung, as soon as anything was; empty after so many seconds."""
        if not self._ringing.poll(1000 * within_s):
            return ()
        return tuple(os.read(self._descriptor, _HEARD_BYTES).decode("utf-8", "replace").split("\n"))


def ring(bells: Iterable[str | Path], what: str) -> None:
    """Tell the heads of lines that something was given up; never waits."""
    for bell in bells:
        with suppress(OSError):  # nobody listens, or has for long
            descriptor = os.open(bell, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.write(descriptor, f"{what}\n".encode())
            finally:
                os.close(descriptor)


def _opened(path: Path) -> int:
    """The FIFO, made if missing; both its ends, so that it does not end with who rang last."""
    flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkfifo(path, 0o600)
            path.chmod(file_mode(path.parent))  # the umask may have taken away what others need
        descriptor = os.open(path, flags)
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"{path} is no FIFO")
    return descriptor
