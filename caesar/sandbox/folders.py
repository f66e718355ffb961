"""Folders that jobs fill: removed however deep they are, whatever modes were left, whoever was killed."""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

__all__ = ["job_folder", "remove_abandoned", "remove_folder"]

_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PREFIX = "caesar-work-"


@contextmanager
def job_folder(what: str) -> Iterator[Path]:
    """A new folder below the temporary one, removed after the block with all that a job has left there.

    It is locked meanwhile. Where this process is killed, `remove_abandoned` removes it, whoever calls that.
    """
    folder, lock = _locked_folder(what)
    try:
        yield folder
    finally:
        remove_folder(folder)
        os.close(lock)


def remove_abandoned() -> None:
    """Remove the job folders below the temporary one whose makers are gone, which nobody has locked then."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            lock = _lock(folder)
            try:
                remove_folder(folder)
            finally:
                os.close(lock)


def _locked_folder(what: str) -> tuple[Path, int]:
    """A new folder and its lock; another one where somebody took it for abandoned before it was locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{what}-"))
        with suppress(BlockingIOError, FileNotFoundError):
            lock = _lock(folder)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _lock(folder: Path) -> int:
    """The descriptor that locks a folder as long as it is open; BlockingIOError where another one does."""
    descriptor = os.open(folder, os.O_RDONLY | _FOLDER)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def remove_folder(folder: Path) -> None:
    """Remove a folder with all in it, following no links; what can't be removed stays.

    For folders in which nothing runs any more. A deep tree takes no more stack and descriptors than a
    shallow one: `shutil.rmtree` is at an end, with a RecursionError, after a thousand folders.
    """
    with suppress(OSError):
        _permit(str(folder), None)
        top = os.open(folder, os.O_RDONLY | _FOLDER)
        try:
            _empty(top)
        finally:
            os.close(top)
        folder.rmdir()


def _empty(top: int) -> None:
    """Remove what lies in a folder: what lies deeper is first lifted to its surface."""
    prefix, numbers = secrets.token_hex(8), count()
    waiting = deque(_folders_left(top))
    while waiting:
        name = waiting.popleft()
        with suppress(OSError):
            inner = os.open(name, os.O_RDONLY | _FOLDER, dir_fd=top)
            try:
                for deeper in _folders_left(inner):
                    lifted = f"{prefix}-{next(numbers)}"
                    os.rename(deeper, lifted, src_dir_fd=inner, dst_dir_fd=top)
                    waiting.append(lifted)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)


def _folders_left(parent: int) -> list[str]:
    """The folders in a folder, open to their owner, once everything else in it is gone."""
    with os.scandir(parent) as entries:
        listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in listed:
        with suppress(OSError):
            if is_folder:
                _permit(name, parent)
            else:
                os.unlink(name, dir_fd=parent)
    return [name for name, is_folder in listed if is_folder]


def _permit(name: str, parent: int | None) -> None:
    """Let a folder's owner list, move and change it."""
    handle = os.open(name, os.O_PATH | _FOLDER, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{handle}", 0o700)  # noqa: PTH101 - no path: what it names may be replaced
    finally:
        os.close(handle)
