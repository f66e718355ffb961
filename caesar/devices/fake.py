"""A pool of devices that exist only in this process: a public fake for tests and dry runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from caesar.devices.pool import not_held
from caesar.effects import Condition, Grant
from caesar.engine.grouping import Grouping
from caesar.errors import Fault

__all__ = ["MemoryDevicePool"]

_Waiter = tuple[str, float, asyncio.Future[Grant]]
"""An affinity, when it asked, and where the grant goes."""


class MemoryDevicePool:
    """So many made-up devices, cpu:0 and on, given first come first served; excludes nobody else."""

    def __init__(self, count: int = 1, *, clock: Callable[[], float] = time.monotonic) -> None:
        if count < 1:
            raise ValueError(f"a pool holds at least 1 device, not {count}")
        self._free = {f"cpu:{number}": Grouping() for number in range(count)}
        self._tokens = dict.fromkeys(self._free, 0)
        self._clock = clock
        self._waiting: list[_Waiter] = []
        self._held: dict[tuple[str, int], tuple[float, Grouping]] = {}

    async def acquire(self, request: str, *, affinity: str = "") -> Grant:  # noqa: ARG002 - nobody asks a fake who holds
        """Wait for a device; cancelling gives the place up. A Fault where every device is in quarantine."""
        place: asyncio.Future[Grant] = asyncio.get_running_loop().create_future()
        self._waiting.append((affinity, self._clock(), place))
        self._match()
        try:
            return await place
        except asyncio.CancelledError:
            if place.cancelled():
                self._waiting = [waiter for waiter in self._waiting if waiter[2] is not place]
            elif place.exception() is None:
                await self.release(place.result())
            raise

    async def release(self, grant: Grant, *, condition: Condition = Condition.SOUND) -> float:
        """Give the device back; the seconds it was held. A Fault where it is not held."""
        if (grant.device, grant.token) not in self._held:
            raise not_held(grant)
        granted, grouping = self._held.pop((grant.device, grant.token))
        if condition in {Condition.SOUND, Condition.HUNG}:
            self._free[grant.device] = grouping
        self._match()
        return self._clock() - granted

    def _match(self) -> None:
        """Give what is free to those who wait."""
        self._waiting = [waiter for waiter in self._waiting if not waiter[2].cancelled()]
        while self._waiting and self._free:
            affinities = [affinity for affinity, _, _ in self._waiting]
            device = min(self._free, key=lambda name: self._free[name].affinity != affinities[0])
            grouping = self._free.pop(device)
            _, asked, place = self._waiting.pop(grouping.choose(affinities, now_s=self._clock()))
            self._tokens[device] += 1
            granted = self._clock()
            self._held[device, self._tokens[device]] = (granted, grouping)
            place.set_result(Grant(device, self._tokens[device], granted - asked))
        if self._waiting and not self._held and not self._free:
            waiting, self._waiting = self._waiting, []
            for _, _, place in waiting:
                place.set_exception(Fault("device", "every device is in quarantine"))
