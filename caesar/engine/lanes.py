"""How much of each kind of work goes on at once, and what must not go on beside what.

On a machine without GPUs a candidate is timed on the cores that builds would use, so both take from
one capacity: a build one unit, an evaluation all of them. Places are given in the order in which they
were asked for, so neither kind starves the other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType

__all__ = ["Capacity", "Lane", "Lanes", "Share"]

Lane = AbstractAsyncContextManager[None]
"""Entered for as long as one piece of work lasts, by many at once; waits for a place."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes of one process."""

    trajectories: int
    """How many are advanced side by side."""
    models: Lane
    builds: Lane
    devices: Lane


class Capacity:
    """So many units, taken and given back in first-come order; for one event loop."""

    def __init__(self, units: int) -> None:
        if units < 1:
            raise ValueError(f"a capacity has at least one unit, not {units}")
        self._units = units
        self._free = units
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def share(self, units: int | None = None) -> Share:
        """A lane that takes so many units, all by default."""
        wanted = self._units if units is None else units
        if not 1 <= wanted <= self._units:
            raise ValueError(f"a share has 1 to {self._units} units, not {wanted}")
        return Share(self, wanted)

    async def take(self, units: int) -> None:
        """Return once the units are the caller's; cancelling gives the place up."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((units, place))
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                self._admit()  # it may have stood in front of others
            else:
                self.give(units)
            raise

    def give(self, units: int) -> None:
        """Give units back."""
        self._free += units
        self._admit()

    def _admit(self) -> None:
        while self._waiting:
            units, place = self._waiting[0]
            if not place.cancelled():
                if units > self._free:
                    return
                self._free -= units
                place.set_result(None)
            self._waiting.popleft()


@dataclass(frozen=True, slots=True)
class Share(AbstractAsyncContextManager[None]):
    """A lane of a capacity."""

    capacity: Capacity
    units: int

    async def __aenter__(self) -> None:
        await self.capacity.take(self.units)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.capacity.give(self.units)
