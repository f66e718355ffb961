"""As whom a boxed child runs: under a number of its own where root starts it, else as who starts it.

A number that nobody else has owns nothing, and no other job's processes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

__all__ = ["may_all_use", "own_number", "take"]

_FIRST = 0x60000000
_MOST_LOOKED_AT = 4096


def own_number() -> int | None:
    """A user and group number of this process's own; None where it is not root, or can't have one."""
    number = _FIRST + os.getpid()
    maps = (Path("/proc/self/uid_map"), Path("/proc/self/gid_map"))
    return number if os.geteuid() == 0 and all(_maps(path, number) for path in maps) else None


def may_all_use(reads: Iterable[Path], devices: Iterable[Path], *, ways: Iterable[Path] = ()) -> bool:
    """Whether every user may read all of this, use the devices, and go by the ways' parents.

    Only so many files are looked at; what is missed, the child can't read.
    """
    if not all(_leads_on(parent) for path in ways for parent in path.parents):
        return False
    looked_at = islice((file for path in reads for file in _below(path)), _MOST_LOOKED_AT)
    return all(map(_is_readable, looked_at)) and all(map(_is_usable, devices))


def take(number: int) -> None:
    """Become that user and group, and no other; the process's capabilities are gone then."""
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)


def _below(path: Path) -> Iterator[Path]:
    yield path
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            yield Path(folder, name)


def _is_readable(path: Path) -> bool:
    mode = _mode(path)
    needed = stat.S_IROTH | stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH
    return stat.S_ISLNK(mode) or mode & needed == needed


def _is_usable(device: Path) -> bool:
    needed = stat.S_IROTH | stat.S_IWOTH
    return _mode(device) & needed == needed


def _leads_on(folder: Path) -> bool:
    return bool(_mode(folder) & stat.S_IXOTH)


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def _maps(path: Path, number: int) -> bool:
    """Whether this user namespace has a number of that size."""
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return False
    return any(int(first) <= number < int(first) + int(count) for first, _outside, count in lines)
