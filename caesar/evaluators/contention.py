"""Whether somebody else used the CPU while something was timed on it: data beside the timing.

A wall clock can't tell a slow kernel from one whose core was taken away. The kernel's own counters
can: what the processors that this process may use were busy with, less what it used.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["Snapshot", "Watch", "busy_ticks"]

_STAT = Path("/proc/stat")
_IDLE_FIELDS = (3, 4)
"""Of the line `cpu user nice system idle iowait irq ...`: what is no work."""
_GUEST_FIELD = 8
"""From here on the line repeats what `user` has counted."""

_LEAST_TICKS = 40
"""A tick is usually 10 ms; over fewer, their rounding is all there is to see."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The counters at an instant, in ticks of the kernel's clock since it started."""

    total: int
    busy: int
    own: float

    @classmethod
    def now(cls, cpus: Collection[int]) -> Self | None:
        """The counters of these processors now; None where the kernel doesn't show them."""
        try:
            total, busy = busy_ticks(_STAT.read_text(), cpus)
        except (OSError, ValueError):
            return None
        times = os.times()
        ticks_per_s = os.sysconf("SC_CLK_TCK")
        return cls(total, busy, (times.user + times.system) * ticks_per_s)


class Watch:
    """Adds up what others did during some stretches of time: those in which nobody else should work.

    One that is not active takes no time, and sees nothing.
    """

    def __init__(self, *, active: bool = True) -> None:
        self._active = active
        self._cpus = os.sched_getaffinity(0)
        self._total = 0
        self._others = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """One stretch."""
        before = Snapshot.now(self._cpus) if self._active else None
        yield
        after = Snapshot.now(self._cpus) if self._active else None
        if before is not None and after is not None:
            self._total += after.total - before.total
            self._others += (after.busy - before.busy) - (after.own - before.own)

    @property
    def share(self) -> float:
        """How much of these processors' time others used, 0 to 1; 0 where too few ticks passed to tell."""
        if self._total < _LEAST_TICKS:
            return 0.0
        return min(1.0, max(0.0, self._others / self._total))


def busy_ticks(stat: str, cpus: Collection[int]) -> tuple[int, int]:
    """All ticks of some processors and those with work to do, from the text of /proc/stat."""
    lines = {name: fields for name, *fields in map(str.split, stat.splitlines()) if name.startswith("cpu")}
    wanted = [lines.get(f"cpu{cpu}") for cpu in cpus]
    if not wanted or None in wanted:
        raise ValueError("/proc/stat has no line for a processor")
    ticks = [[int(field) for field in fields[:_GUEST_FIELD]] for fields in wanted if fields]
    total = sum(map(sum, ticks))
    return total, total - sum(of_one[field] for of_one in ticks for field in _IDLE_FIELDS)
