"""The machine's clock, and one for tests that moves only when told to."""

from __future__ import annotations

import asyncio
import time

__all__ = ["ManualClock", "SystemClock"]


class SystemClock:
    """Real time."""

    def now_us(self) -> int:
        """Microseconds since the epoch, UTC."""
        return time.time_ns() // 1000

    async def sleep_until(self, at_us: int) -> None:
        """Return once now_us() is at least at_us."""
        while (left_us := at_us - self.now_us()) > 0:  # noqa: ASYNC110 (nothing but time sets this)
            await asyncio.sleep(left_us / 1e6)


class ManualClock:
    """A clock that stands still; sleeping moves it, so that waiting takes no time."""

    def __init__(self, now_us: int = 1_700_000_000_000_000) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        """The instant the clock was last moved to."""
        return self._now_us

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._now_us += int(seconds * 1e6)

    async def sleep_until(self, at_us: int) -> None:
        """Move the clock to the instant, at once."""
        self._now_us = max(self._now_us, at_us)
        await asyncio.sleep(0)
