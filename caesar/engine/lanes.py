"""How much of each kind of work goes on at once, and what must not go on beside what.

On a machine without GPUs a candidate is timed on the cores that builds would use, so both take from
one capacity: a build one unit, evaluations all of them, as many at once as the CPU has slots. Places are
given in the order in which they were asked for, but for overtaking that is bounded, so neither kind
starves the other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from types import TracebackType

from caesar.engine.grouping import Grouping

__all__ = ["Capacity", "Lane", "Lanes", "Share"]

Lane = AbstractAsyncContextManager[None]
"""Entered for as long as one piece of work lasts, by many at once; waits for a place."""

_OVERTAKEN = 8
"""How often in a row work that fits beside what is going on may overtake what does not."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes of one process."""

    trajectories: int
    """How many are advanced side by side."""
    models: Lane
    builds: Lane
    devices: Share
    """Entered by affinity (`Share.of`), before a device is asked for."""


@dataclass(slots=True)
class _Place:
    """Somebody in line."""

    share: Share
    turn: asyncio.Future[None]


class Capacity:
    """So many units, taken and given back in first-come order; for one event loop.

    Shares that may be had several at once take their units together, with the first, and give them
    back with the last. Work like the last one's may overtake its own kind, and work that fits beside
    what is going on may overtake what does not; both for a bounded while.
    """

    def __init__(self, units: int) -> None:
        if units < 1:
            raise ValueError(f"a capacity has at least one unit, not {units}")
        self._units = units
        self._free = units
        self._together = 0
        """How many hold the units that are had together."""
        self._waiting: deque[_Place] = deque()
        self._overtaken = 0
        self._grouping = Grouping()

    def share(self, units: int | None = None, *, at_once: int = 1) -> Share:
        """A lane that takes so many units, all by default, for each or for so many at once."""
        wanted = self._units if units is None else units
        if not 1 <= wanted <= self._units:
            raise ValueError(f"a share has 1 to {self._units} units, not {wanted}")
        return Share(self, wanted, at_once)

    async def take(self, share: Share) -> None:
        """Return once the share is the caller's; cancelling gives the place up."""
        place = _Place(share, asyncio.get_running_loop().create_future())
        self._waiting.append(place)
        self._admit()
        try:
            await place.turn
        except asyncio.CancelledError:
            if place.turn.cancelled():
                self._admit()  # it may have stood in front of others
            else:
                self.give(share)
            raise

    def give(self, share: Share) -> None:
        """Give a share back."""
        if share.at_once > 1:
            self._together -= 1
        if share.at_once == 1 or self._together == 0:
            self._free += share.units
        self._admit()

    def _admit(self) -> None:
        while True:
            self._waiting = deque(place for place in self._waiting if not place.turn.cancelled())
            place = self._next()
            if place is None:
                return
            self._waiting.remove(place)
            if not self._joins(place.share):
                self._free -= place.share.units
            self._together += place.share.at_once > 1
            place.turn.set_result(None)

    def _next(self) -> _Place | None:
        """Who comes in next; None where nobody waits or fits."""
        if not self._waiting:
            return None
        head = self._waiting[0]
        if self._joins(head.share) or head.share.units <= self._free:
            self._overtaken = 0
            return self._like_the_last(head)
        beside = next((place for place in self._waiting if self._joins(place.share)), None)
        if beside is None or self._overtaken >= _OVERTAKEN:
            return None
        self._overtaken += 1
        return self._like_the_last(beside)

    def _joins(self, share: Share) -> bool:
        """Whether the units that it needs are had already, and it may have them too."""
        return share.at_once > 1 and 0 < self._together < share.at_once

    def _like_the_last(self, first: _Place) -> _Place:
        """The first of its kind in line, or one behind it that is like the last one's work."""
        kind = (first.share.units, first.share.at_once)
        alike = [place for place in self._waiting if (place.share.units, place.share.at_once) == kind]
        if not first.share.affinity:
            return first
        affinities = [place.share.affinity for place in alike]
        return alike[self._grouping.choose(affinities, now_s=asyncio.get_running_loop().time())]


@dataclass(frozen=True, slots=True)
class Share(AbstractAsyncContextManager[None]):
    """A lane of a capacity."""

    capacity: Capacity
    units: int
    at_once: int = 1
    """How many may have the same units at the same time."""
    affinity: str = ""
    """Work of equal, non-empty affinity is cheaper one after the other."""

    def of(self, affinity: str) -> Share:
        """The lane for work of an affinity."""
        return replace(self, affinity=affinity)

    async def __aenter__(self) -> None:
        await self.capacity.take(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.capacity.give(self)
