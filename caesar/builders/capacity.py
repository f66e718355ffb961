"""How much is compiled at a time, and where: as many compilers as have a core each, and as fit in memory."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from caesar.sandbox.memory import available_bytes

__all__ = ["Capacity"]

_SPARE = 0.25
"""The share of the memory that compilers leave to everything else."""

_CORES_A_GPU = 2
"""One for its judge and one for the candidate, who wait for each other without sleeping, and are timed."""


class Capacity:
    """Cores and memory shared by the compilers of one process; first come, first served."""

    def __init__(self, *, cores: int, memory_bytes: int, cpus: tuple[int, ...] | None = None) -> None:
        self.cpus = cpus
        """The processors they have to run on; None where that is all the same."""
        self._cores = cores
        self._memory = memory_bytes
        self._running = 0
        self._waiting: deque[tuple[int, asyncio.Event]] = deque()

    @classmethod
    def beside(cls, gpus: int) -> Capacity:
        """Most of the memory that is available now, and of the cores what so many GPUs leave, at least half."""
        mine = sorted(os.sched_getaffinity(0))
        cpus = mine[: max(len(mine) - _CORES_A_GPU * gpus, (len(mine) + 1) // 2)]
        memory_bytes = int(available_bytes() * (1 - _SPARE))
        return cls(cores=len(cpus), memory_bytes=memory_bytes, cpus=tuple(cpus) if gpus else None)

    @asynccontextmanager
    async def taken(self, memory_bytes: int) -> AsyncIterator[None]:
        """A core and so much memory, for the block; what needs more than there is runs alone."""
        entry = (memory_bytes, asyncio.Event())
        self._waiting.append(entry)
        self._admit()
        try:
            await entry[1].wait()
        except asyncio.CancelledError:
            if entry in self._waiting:
                self._waiting.remove(entry)
            else:
                self._give_back(memory_bytes)
            raise
        try:
            yield
        finally:
            self._give_back(memory_bytes)

    def _give_back(self, memory_bytes: int) -> None:
        self._running -= 1
        self._cores += 1
        self._memory += memory_bytes
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            memory_bytes, admitted = self._waiting.popleft()
            self._running += 1
            self._cores -= 1
            self._memory -= memory_bytes
            admitted.set()

    def _fits(self, memory_bytes: int) -> bool:
        return self._running == 0 or (self._cores > 0 and self._memory >= memory_bytes)
