"""Devices shared between the pieces of work of this process and with other processes.

Within the process devices are given in the order in which they were asked for. Between processes
nobody is owed a turn: each process's first in line tries every few milliseconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from caesar.devices.inventory import Device
from caesar.devices.lease import Lease, lock_name, prepare_folder, try_lease
from caesar.effects import Grant
from caesar.errors import Fault, UsageError

__all__ = ["LockedDevicePool", "not_held"]

_FIRST_DELAY_S = 0.005
_LONGEST_DELAY_S = 0.05


def not_held(grant: Grant) -> Fault:
    """What releasing a device raises that the pool does not hold under the grant's token."""
    message = f"device {grant.device} is not held under token {grant.token}: it was given back before"
    return Fault("device", message, permanent=True)


class LockedDevicePool:
    """Exclusive use of devices among all processes that keep their locks in the same folder.

    A device whose holder is killed is free at once. Closing gives back whatever is held.
    """

    def __init__(
        self, devices: Sequence[Device], *, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._devices = tuple(device.id for device in devices)
        if not self._devices:
            raise UsageError("there is no device to lease: name at least one")
        if len({lock_name(device) for device in self._devices}) < len(self._devices):
            raise UsageError(f"a device is named twice among {', '.join(self._devices)}: name each once")
        self._folder = prepare_folder(folder)
        self._clock = clock
        self._held: dict[tuple[str, int], tuple[Lease, float]] = {}
        self._line = asyncio.Lock()
        self._given_back = asyncio.Event()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def acquire(self, request: str) -> Grant:
        """Wait for a device, first come first served; cancelling gives the place up."""
        asked = self._clock()
        async with self._line:
            lease = await self._first_free(request)
        granted = self._clock()
        self._held[lease.device, lease.token] = (lease, granted)
        return Grant(lease.device, lease.token, granted - asked)

    async def release(self, grant: Grant) -> float:
        """Give the device back, once nothing of the holder's runs on it; the seconds it was held."""
        if (grant.device, grant.token) not in self._held:
            raise not_held(grant)
        lease, granted = self._held.pop((grant.device, grant.token))
        lease.end()
        self._given_back.set()
        return self._clock() - granted

    def close(self) -> None:
        """Give back every device; who still waits, or asks later, gets a Fault."""
        self._closed = True
        while self._held:
            _, (lease, _) = self._held.popitem()
            lease.end()
        self._given_back.set()

    async def _first_free(self, request: str) -> Lease:
        """The first device to become free, asked for again and again with growing pauses."""
        delay = _FIRST_DELAY_S
        while True:
            self._given_back.clear()
            lease = self._try_all(request)
            if lease is not None:
                return lease
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._given_back.wait()
            delay = min(2 * delay, _LONGEST_DELAY_S)

    def _try_all(self, request: str) -> Lease | None:
        if self._closed:
            raise Fault("device", "the pool of devices is closed: nothing more can be leased", permanent=True)
        attempts = (try_lease(device, request=request, folder=self._folder) for device in self._devices)
        return next((lease for lease in attempts if lease is not None), None)
