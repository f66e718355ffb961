"""The same work, asked for by several at once, done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

__all__ = ["InFlight"]

T = TypeVar("T")


@dataclass(slots=True)
class _Work(Generic[T]):
    task: asyncio.Task[T]
    waiting: int = 0


class InFlight(Generic[T]):
    """Work in progress by key, ended early only when nobody waits for it any more."""

    def __init__(self) -> None:
        self._work: dict[str, _Work[T]] = {}

    async def join(self, key: str, start: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of the key's work, started now if it is not under way.

        Cancelling gives up the wait; the last to do so cancels the work, and returns once that has ended.
        """
        work = self._work.get(key)
        if work is None:
            work = self._work[key] = _Work(asyncio.create_task(start()))
        work.waiting += 1
        try:
            return await asyncio.shield(work.task)
        finally:
            work.waiting -= 1
            if work.waiting == 0:
                del self._work[key]
                await _end(work.task)


async def _end(task: asyncio.Task[T]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
