"""A pool of devices that exist only in this process: a public fake for tests and dry runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from caesar.devices.pool import not_held
from caesar.effects import Grant

__all__ = ["MemoryDevicePool"]


class MemoryDevicePool:
    """So many made-up devices, cpu:0 and on, given first come first served; excludes nobody else."""

    def __init__(self, count: int = 1, *, clock: Callable[[], float] = time.monotonic) -> None:
        if count < 1:
            raise ValueError(f"a pool holds at least 1 device, not {count}")
        self._free = [f"cpu:{number}" for number in range(count)]
        self._tokens = dict.fromkeys(self._free, 0)
        self._places = asyncio.Semaphore(count)
        self._clock = clock
        self._held: dict[tuple[str, int], float] = {}

    async def acquire(self, request: str) -> Grant:  # noqa: ARG002 - the port's; nobody asks a fake who holds
        """Wait for a device; cancelling gives the place up."""
        asked = self._clock()
        await self._places.acquire()
        device = self._free.pop(0)
        self._tokens[device] += 1
        granted = self._clock()
        self._held[device, self._tokens[device]] = granted
        return Grant(device, self._tokens[device], granted - asked)

    async def release(self, grant: Grant) -> float:
        """Give the device back; the seconds it was held. A Fault where it is not held."""
        if (grant.device, grant.token) not in self._held:
            raise not_held(grant)
        held = self._clock() - self._held.pop((grant.device, grant.token))
        self._free.append(grant.device)
        self._places.release()
        return held
