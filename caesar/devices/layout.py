"""How this machine's cores are shared out in CPU slots: one way at a time, for all processes together.

cpu:0 of one slot and cpu:1 of two are the same cores under two names, so processes that share a lock
folder have to agree. Whoever uses slots holds a shared lock on the file that says how many there are;
changing the number takes all of it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caesar.devices.folder import open_file
from caesar.errors import UsageError

__all__ = ["shared_layout"]

_NAME = "cpu-slots"
_PATIENCE_S = 1.0
_PAUSE_S = 0.01


@contextmanager
def shared_layout(folder: Path, slots: int) -> Iterator[None]:
    """Keep the machine at so many CPU slots; UsageError where another process has it at another number."""
    descriptor = open_file(folder / _NAME, os.O_RDWR)
    try:
        _agree(descriptor, slots)
        yield
    finally:
        os.close(descriptor)


def _agree(descriptor: int, slots: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not (_set(descriptor, slots) or _is_set(descriptor, slots)):
        if time.monotonic() > deadline:
            raise UsageError(
                f"another Caesar on this machine uses the CPU in another number of slots than {slots}:"
                " set CAESAR_CPU_SLOTS as it does, or wait for its end"
            )
        time.sleep(_PAUSE_S)


def _set(descriptor: int, slots: int) -> bool:
    """Say how many there are, if nobody else uses any."""
    if not _locked(descriptor, fcntl.LOCK_EX):
        return False
    os.pwrite(descriptor, str(slots).encode().ljust(16), 0)
    return _locked(descriptor, fcntl.LOCK_SH)


def _is_set(descriptor: int, slots: int) -> bool:
    """Join those who use as many; the lock is not kept where they use another number."""
    if not _locked(descriptor, fcntl.LOCK_SH):
        return False
    if os.pread(descriptor, 16, 0).strip() == str(slots).encode():
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
