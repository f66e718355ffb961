"""Devices shared between the pieces of work of this process and with other processes.

Within the process devices are given in the order in which they were asked for, except that work like
the last one's may overtake for a bounded while. Between processes there is one line: a device that
somebody else waits for is given up as soon as its piece of work is done.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from caesar.devices.folder import lock_name, prepare_folder
from caesar.devices.health import Probe
from caesar.devices.inventory import Device
from caesar.devices.lease import Lease
from caesar.devices.processes import end_marked, this_process
from caesar.devices.search import Search
from caesar.devices.turnstile import Turnstile
from caesar.effects import Condition, Grant
from caesar.engine.grouping import Grouping
from caesar.errors import Fault, UsageError

__all__ = ["Audit", "LockedDevicePool", "Vacate", "not_held"]

Vacate = Callable[[str], Awaitable[None]]
"""Ends whatever this process still runs on a device; awaited before its lock is given up."""

Audit = Callable[[Device], Sequence[int] | None]
"""The processes on a device that belong to no holder; None where that can't be told. May block."""

KEEP_S = 3.0
"""How long an uncontended device is kept for this process's next piece of work."""

_POLL_S = 0.02
"""How often a process that keeps a device looks whether somebody waits for it."""
_PROBE_S = 9.0
_DYING_S = 15.0
"""How long what a dead holder left may take to die of SIGKILL."""
_SHUNNED_S = 5.0
"""For how long a device with strangers on it is not tried again, where it has to be exclusive."""


def not_held(grant: Grant) -> Fault:
    """What releasing a device raises that the pool does not hold under the grant's token."""
    message = f"device {grant.device} is not held under token {grant.token}: it was given back before"
    return Fault("device", message, permanent=True)


async def _nothing(_: str) -> None:
    """Vacate a device on which nothing is left."""


async def _well(_: Device) -> str | None:
    """Find every device healthy."""
    return None


@dataclass(slots=True)
class _Waiter:
    """A piece of work that wants a device."""

    request: str
    affinity: str
    asked: float
    place: asyncio.Future[Grant]


@dataclass(slots=True)
class _Hold:
    """A device whose lock this process holds."""

    lease: Lease
    device: Device
    grouping: Grouping = field(default_factory=Grouping)
    granted: float = 0.0
    returned: asyncio.Future[Condition | None] | None = None
    """Open while a piece of work is on the device; None in the end where the lease was lost meanwhile."""
    idle: bool = False
    """Whether it is about to be given to whoever waits in this process."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when somebody may want the device that is kept."""
    strangers: tuple[int, ...] | None = None


class LockedDevicePool:
    """Exclusive use of devices among all processes that keep their locks in the same folder.

    An async context manager; closing vacates and gives back whatever is held. A device whose holder
    was killed is given on once what that left behind is gone and a probe has passed.
    """

    def __init__(
        self,
        devices: Sequence[Device],
        *,
        folder: Path,
        vacate: Vacate = _nothing,
        probe: Probe = _well,
        audit: Audit | None = None,
        exclusive: bool = False,
        keep_s: float = KEEP_S,
        deadline_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._devices = {device.id: device for device in devices}
        if not self._devices:
            raise UsageError("there is no device to lease: name at least one")
        names = [device.id for device in devices]
        if len(set(map(lock_name, names))) < len(names):
            raise UsageError(f"a device is named twice among {', '.join(names)}: name each once")
        self._folder = prepare_folder(folder)
        self._line = Turnstile(self._folder, names)
        self._process = this_process()
        self._vacate = vacate
        self._probe = probe
        self._audit = audit
        self._exclusive = exclusive
        self._keep_s = keep_s
        self._deadline_s = deadline_s
        self._clock = clock
        self._waiting: list[_Waiter] = []
        self._owned: dict[str, _Hold] = {}
        self._owners: set[asyncio.Task[None]] = set()
        self._shunned: dict[str, float] = {}
        self._search = Search(
            self._folder,
            self._line,
            process=self._process,
            every=tuple(self._devices),
            devices=self._elsewhere,
            found=self._found,
        )
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def acquire(self, request: str, *, affinity: str = "") -> Grant:
        """Wait for a device; cancelling gives the place up. A Fault once the pool's deadline has passed."""
        if self._closed:
            raise _is_closed()
        waiter = _Waiter(request, affinity, self._clock(), asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._wake_one(affinity)
        self._look()
        try:
            async with asyncio.timeout(self._deadline_s):
                return await waiter.place
        except TimeoutError:
            self._leave(waiter)
            raise Fault("device", f"no device was free within {self._deadline_s:g} s") from None
        except asyncio.CancelledError:
            self._leave(waiter)
            raise

    async def release(self, grant: Grant, *, condition: Condition = Condition.SOUND) -> float:
        """Give the device back, once nothing of the candidate's runs on it; the seconds it was held.

        A Fault where it is not, or no longer, held under the grant's token, or where giving it back can't
        be recorded: what was measured then does not count. After a bad end it is probed before it is given
        again, which is not waited for.
        """
        hold = self._owned.get(grant.device)
        if hold is None or hold.returned is None or hold.lease.token != grant.token:
            raise not_held(grant)
        return self._returned(hold, condition)

    async def aclose(self) -> None:
        """Vacate and give back every device; who still waits, or asks later, gets a Fault."""
        self._closed = True
        self._refuse(_is_closed())
        self._search.close()
        for hold in tuple(self._owned.values()):
            if hold.returned is not None:
                with suppress(Fault):
                    self._returned(hold, Condition.SOUND)
            hold.wake.set()
        await asyncio.gather(*self._owners)

    def _returned(self, hold: _Hold, condition: Condition) -> float:
        """End a piece of work, however its record turns out; the seconds it took."""
        assert hold.returned is not None
        returned, hold.returned = hold.returned, None
        held_s = self._clock() - hold.granted
        try:
            binding = hold.lease.current
            hold.lease.release(held_s=held_s, condition=condition)
        except OSError as error:
            returned.set_exception(error)  # the device is given up: who gets it next closes the grant
            raise self._unleasable(hold.device.id, error) from error
        returned.set_result(condition if binding else None)
        if not binding:
            raise Fault(
                "device",
                f"device {hold.device.id} was lost while it was held under token {hold.lease.token}:"
                f" its lock in {self._folder} was removed or replaced",
            )
        return held_s

    def _leave(self, waiter: _Waiter) -> None:
        """Give up a place in line, or the device that was granted in the same instant."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        elif waiter.place.done() and not waiter.place.cancelled() and waiter.place.exception() is None:
            with suppress(Fault):
                self._returned(self._owned[waiter.place.result().device], Condition.SOUND)
        if not self._waiting:
            self._search.call_off()

    def _refuse(self, fault: Fault) -> None:
        """Answer everybody who waits."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.place.done():
                waiter.place.set_exception(fault)

    def _wake_one(self, affinity: str) -> None:
        """Tell a kept device that somebody wants one, of the same affinity if there is one."""
        kept = [hold for hold in self._owned.values() if hold.idle]
        for hold in sorted(kept, key=lambda hold: hold.grouping.affinity != affinity)[:1]:
            hold.wake.set()

    def _look(self) -> None:
        """Search among the other devices, if more wait than this process has devices for; once at a time."""
        idle = sum(hold.idle for hold in self._owned.values())
        if self._closed or len(self._waiting) <= idle or not self._elsewhere():
            return
        if not self._search.under_way:
            self._search.start()
        elif not self._search.at_head:
            self._search.call_off(off=False)

    def _elsewhere(self) -> list[str]:
        """The devices worth trying: this process does not hold them, and none of them was shunned just now."""
        now = time.monotonic()
        return [
            device
            for device in self._devices
            if device not in self._owned and self._shunned.get(device, 0.0) <= now
        ]

    def _found(self, result: Lease | Fault | None) -> None:
        if isinstance(result, Fault):
            self._refuse(result)
        elif result is not None and self._closed:  # found in the instant in which the search was called off
            result.end()
        elif result is not None:
            hold = _Hold(result, self._devices[result.device], idle=result.leftover is None)
            self._owned[result.device] = hold
            owner = asyncio.create_task(self._own(hold))
            self._owners.add(owner)
            owner.add_done_callback(self._owners.discard)
        self._look()

    async def _own(self, hold: _Hold) -> None:
        """A device's time with this process, from its lock taken to its lock given up."""
        try:
            fit = await self._settled(hold)
            fresh = True
            while fit and (waiter := await self._next(hold, fresh=fresh)) is not None:
                hold.idle = False
                fit = await self._served(hold, waiter)
                fresh = False
        except OSError as error:
            self._refuse(self._unleasable(hold.device.id, error))
        finally:
            hold.idle = False
            self._look()
            try:
                await self._vacate(hold.device.id)
            finally:
                self._give_up(hold)

    def _give_up(self, hold: _Hold) -> None:
        """Drop a device's lock, whether or not its state can be written."""
        del self._owned[hold.device.id]
        try:
            hold.lease.end()
        except OSError as error:
            self._refuse(self._unleasable(hold.device.id, error))
        self._line.tell(hold.device.id)
        self._look()

    def _unleasable(self, device: str, error: OSError) -> Fault:
        return Fault("device", f"device {device} can't be leased through {self._folder}: {error.strerror}")

    async def _settled(self, hold: _Hold) -> bool:
        """Whether the device can be used: what a dead holder left is gone, and all is well."""
        left = hold.lease.leftover
        if left is None:
            return True
        alive: tuple[int, ...] = ()
        if not left.process.alive:
            alive = await asyncio.to_thread(end_marked, left.process, within_s=_DYING_S)
        hold.lease.reclaim()
        if alive:
            pids = ", ".join(map(str, alive))
            hold.lease.quarantine(f"process {pids} of a holder that died survived SIGKILL")
            return False
        return await self._healthy(hold)

    async def _next(self, hold: _Hold, *, fresh: bool) -> _Waiter | None:
        """Who gets the device next; None once it is owed to another process, or was kept long enough."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._keep_s
        hold.idle = True
        while not self._closed and (fresh or loop.time() < until):
            if not (fresh and self._anybody()) and self._owed(hold):
                return None
            fresh = False
            if self._anybody() and not await self._usable(hold):
                return None
            if self._anybody():
                affinities = [waiter.affinity for waiter in self._waiting]
                return self._waiting.pop(hold.grouping.choose(affinities, now_s=self._clock()))
            hold.wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await hold.wake.wait()
        return None

    def _anybody(self) -> bool:
        """Whether a piece of work waits here that was not cancelled in this very instant."""
        self._waiting = [waiter for waiter in self._waiting if not waiter.place.cancelled()]
        return bool(self._waiting)

    def _owed(self, hold: _Hold) -> bool:
        """Whether another process stands in line before this one's next piece of work."""
        return self._line.others_wait(hold.device.id, including_own_line=not self._search.at_head)

    async def _usable(self, hold: _Hold) -> bool:
        """Note who else is on the device; False where it has to be exclusive and is not."""
        if self._audit is None:
            return True
        found = await asyncio.to_thread(self._audit, hold.device)
        hold.strangers = None if found is None else tuple(found)
        if not hold.strangers:
            return True
        hold.lease.foreign(f"process {', '.join(map(str, hold.strangers))} computes on it without a lease")
        if self._exclusive:
            self._shunned[hold.device.id] = time.monotonic() + _SHUNNED_S
            asyncio.get_running_loop().call_later(_SHUNNED_S, self._look)
        return not self._exclusive

    async def _served(self, hold: _Hold, waiter: _Waiter) -> bool:
        """Grant the device to a piece of work and wait for its return; whether it can be given again."""
        hold.granted = self._clock()
        waited_s = hold.granted - waiter.asked
        alone = None if hold.strangers is None else not hold.strangers
        try:
            token = hold.lease.grant(waiter.request, waited_s=waited_s, alone=alone)
        except OSError:
            self._waiting.insert(0, waiter)  # to be told with the others
            raise
        returned: asyncio.Future[Condition | None] = asyncio.get_running_loop().create_future()
        hold.returned = returned
        waiter.place.set_result(Grant(hold.device.id, token, waited_s, alone))
        if self._search.at_head or not self._waiting:
            self._search.call_off()  # its turn is used up, or nobody here needs it: who stands behind is next
        return await self._fit(hold, await returned)

    async def _fit(self, hold: _Hold, condition: Condition | None) -> bool:
        """Whether the device can be given again after such an end; if not, it was lost or is in quarantine."""
        match condition:
            case None:
                pass
            case Condition.SOUND:
                return True
            case Condition.HUNG:
                await self._vacate(hold.device.id)
                return await self._healthy(hold)
            case Condition.BROKEN:
                hold.lease.quarantine("the hardware reported an error")
            case Condition.SURVIVORS:
                hold.lease.quarantine("a process on it survived SIGKILL")
        return False

    async def _healthy(self, hold: _Hold) -> bool:
        try:
            async with asyncio.timeout(_PROBE_S):
                wrong = await self._probe(hold.device)
        except TimeoutError:
            wrong = f"its probe did not end in {_PROBE_S:g} s"
        if wrong is not None:
            hold.lease.quarantine(wrong)
        return wrong is None


def _is_closed() -> Fault:
    return Fault("device", "the pool of devices is closed: nothing more can be leased", permanent=True)
