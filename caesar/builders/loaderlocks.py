"""The lock files that torch's load_inline leaves behind when its process is killed.

Whoever loads the extension afterwards would wait for ever: torch looks at nothing but the file.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["drop_dead_locks"]

_RELEASE_S = 1.0
"""A lock is closed a moment before it is removed, and must not be taken for a dead one meanwhile."""


def drop_dead_locks(folder: Path) -> None:
    """Remove the folder's lock files that no process on this machine holds open, as living owners do."""
    locks = [lock for lock in folder.glob("*/lock") if _age_s(lock) > _RELEASE_S]
    if not locks:
        return
    held = set(_open_files())
    for lock in locks:
        if str(lock.resolve()) not in held:
            with suppress(OSError):  # gone meanwhile, or a folder of that name
                lock.unlink()


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _open_files() -> Iterator[str]:
    """The paths of all files that processes of this user, or all for root, have open."""
    for descriptors in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):  # it ended, or belongs to somebody else
            for descriptor in descriptors.iterdir():
                yield str(descriptor.readlink())
