"""A lock on a file, which the operating system drops when its holder dies, however it dies.

filelock's lock of a descriptor: the kernel's own, and never its fallback to mere existence, which a killed
holder would leave behind for ever. Its lock of a path takes ten times the CPU, for what a lease does
without: it makes folders, empties the file, and keeps account of who takes a lock twice.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from filelock import lock_descriptor, unlock_descriptor

from caesar.devices.folder import open_file

__all__ = ["Lock", "is_locked", "try_lock"]


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that this process holds, until nobody refers to it any more; its file is closed on exec."""

    file: FileIO
    """Open as long as the lock is held: Python closes it with the last reference."""
    identity: tuple[int, int]
    """The locked file: its device and inode."""

    def is_at(self, path: Path) -> bool:
        """Whether the locked file is the one that others find at the path: a removed one excludes nobody."""
        try:
            there = path.lstat()
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == self.identity

    def drop(self) -> None:
        """Give the lock up, even where a child that was just forked has the descriptor too; call it once."""
        try:
            unlock_descriptor(self.file.fileno())
        finally:
            self.file.close()


def try_lock(path: Path) -> Lock | None:
    """The lock on a file, which is made if missing; None where somebody holds it. Never waits.

    OSError where the file can't be opened, is a link, or lies where the kernel has no locks.
    """
    file = FileIO(open_file(path, os.O_RDWR), "r+")
    taken = False
    try:
        status = os.fstat(file.fileno())
        if taken := lock_descriptor(file.fileno(), blocking=False):
            return Lock(file, (status.st_dev, status.st_ino))
    finally:
        if not taken:
            file.close()
    return None


def is_locked(path: str) -> bool:
    """Whether anybody has a lock; never waits. The question holds a share of a free one for an instant.

    Whoever tries to take the lock in that instant is refused: where that matters, try again.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
