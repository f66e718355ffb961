"""Which piece of waiting work comes next, where work that is like the last one is cheaper.

Evaluations of one problem share a judge, its reference and its buffers, so they are done one after
the other, but never so long that others are kept waiting without bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Grouping"]


@dataclass(slots=True)
class Grouping:
    """The choice for one place where work is done; remembers what was done there last."""

    affinity: str = ""
    """That of the last piece of work; an empty one is like nothing."""
    most: int = 8
    """How often in a row the first in line may be overtaken."""
    within_s: float = 30.0
    """How long the first in line may be overtaken."""
    _overtaken: int = 0
    _since_s: float = 0.0

    def choose(self, waiting: Sequence[str], *, now_s: float) -> int:
        """The place in line, by affinities in order of arrival, of whom comes next."""
        chosen = self._like_the_last(waiting) if self._may_overtake(now_s) else 0
        if chosen == 0:
            self._overtaken = 0
        elif self._overtaken == 0:
            self._overtaken, self._since_s = 1, now_s
        else:
            self._overtaken += 1
        self.affinity = waiting[chosen]
        return chosen

    def _may_overtake(self, now_s: float) -> bool:
        return self._overtaken == 0 or (self._overtaken < self.most and now_s - self._since_s < self.within_s)

    def _like_the_last(self, waiting: Sequence[str]) -> int:
        if self.affinity and self.affinity in waiting:
            return waiting.index(self.affinity)
        return 0
