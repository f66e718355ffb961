"""Ending process trees: every descendant of a subreaper, however it was forked, detached or stopped.

Only for processes that are subreapers and wait for nobody else's children.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["descendants", "kill_descendants", "reap"]

_PAUSE_S = 0.001


def reap(ended: Callable[[int, int], None]) -> bool:
    """Tell `ended` of each child that has ended, by pid and wait status; True while others are left."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        ended(pid, status)


def kill_descendants(ended: Callable[[int, int], None], *, within_s: float, spare: Iterable[int] = ()) -> int:
    """SIGKILL and reap until no descendant is left but the spared children's; the number that would not die.

    A loop, because what is being killed may fork meanwhile, and orphans come back as children.
    """
    spared = frozenset(spare)
    deadline = time.monotonic() + within_s
    while reap(ended):
        alive = tuple(_killed(os.getpid(), spared))
        if not alive:
            return 0
        if time.monotonic() > deadline:
            return len(alive)
        time.sleep(_PAUSE_S)
    return 0


def descendants(root: int, *, spare: frozenset[int] = frozenset()) -> Iterator[int]:
    """Every process below root, each as soon as it is found; those below a spared one are left out."""
    waiting = [root]
    while waiting:
        for child in _children(waiting.pop()):
            if child not in spare:
                yield child
                waiting.append(child)


def _killed(root: int, spare: frozenset[int]) -> Iterator[int]:
    for pid in descendants(root, spare=spare):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        yield pid


def _children(pid: int) -> tuple[int, ...]:
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except (FileNotFoundError, ProcessLookupError):
        return ()
    if not lists:
        return _children_by_scan(pid)
    return tuple(int(word) for text in lists for word in text.split())


def _children_by_scan(parent: int) -> tuple[int, ...]:
    """For kernels without /proc/PID/task/TID/children."""
    return tuple(pid for pid in _processes() if _parent(pid) == parent)


def _processes() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())


def _parent(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(stat.rpartition(")")[2].split()[1])
