"""Removing a folder that a job has filled, however deep it is and whatever modes were left in it."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

__all__ = ["job_folder", "remove_folder"]

_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def job_folder(prefix: str) -> Iterator[Path]:
    """A new folder below the temporary one, removed after the block with all that a job has left there."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        remove_folder(folder)


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
