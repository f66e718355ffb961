"""Looking for a free device among processes: stays in line, in a thread of its own.

A thread, because standing in line is a blocking call of the kernel's that can't be interrupted; a
daemon, so that a process may end while it stands there, which takes it out of the line.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from queue import SimpleQueue

from caesar.devices.bell import Bell
from caesar.devices.folder import device_file
from caesar.devices.lease import Lease, try_lease
from caesar.devices.lock import is_locked
from caesar.devices.processes import Process
from caesar.devices.quarantine import read_quarantine
from caesar.devices.turnstile import Turnstile
from caesar.errors import Fault

__all__ = ["Found", "Search"]

Found = Callable[[Lease | Fault | None], None]
"""Told what the search came to, on its event loop; None where it was called off."""

_FIRST_PAUSE_S = 0.002
_LONGEST_PAUSE_S = 0.02


class Search:
    """Stays in line for one pool, one after the other; called off, it leaves as soon as it is its turn."""

    def __init__(
        self,
        folder: Path,
        line: Turnstile,
        *,
        process: Process,
        every: Sequence[str],
        devices: Callable[[], Sequence[str]],
        found: Found,
    ) -> None:
        self._folder = folder
        self._line = line
        self._process = process
        self._every = every
        self._locks = {device: str(device_file(folder, device, "lock")) for device in every}
        self._devices = devices
        self._found = found
        self._off = threading.Event()
        self._stays: SimpleQueue[asyncio.AbstractEventLoop | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self.under_way = False
        """Whether it stands in line, or what it came to has not been told yet."""
        self.at_head = False
        """Whether it is the first in line, so that nobody of this line is owed a device before."""

    def start(self) -> None:
        """Stand in line; only when not under way."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="caesar-search", daemon=True)
            self._thread.start()
        self._off.clear()
        self.under_way = True
        self._stays.put(asyncio.get_running_loop())

    def call_off(self, *, off: bool = True) -> None:
        """Give the place up, or take that back while it still stands in line."""
        if off:
            self._off.set()
        else:
            self._off.clear()

    def close(self) -> None:
        """Give the place up for good."""
        self._off.set()
        self._stays.put(None)

    def _serve(self) -> None:
        while (loop := self._stays.get()) is not None:
            result = self._result(loop)
            try:
                loop.call_soon_threadsafe(self._told, result)
            except RuntimeError:  # the loop has ended, and with it whoever wanted the device
                if isinstance(result, Lease):
                    result.end()
                return

    def _told(self, result: Lease | Fault | None) -> None:
        self.under_way = self.at_head = False
        self._found(result)

    def _result(self, loop: asyncio.AbstractEventLoop) -> Lease | Fault | None:
        try:
            with self._line.passed() as bell:
                self.at_head = True
                return self._looked(loop, bell)
        except Fault as fault:
            return fault
        except OSError as error:
            return Fault("device", f"no device can be leased through {self._folder}: {error.strerror}")

    def _looked(self, loop: asyncio.AbstractEventLoop, bell: Bell) -> Lease | Fault | None:
        """The first device to become free; a Fault where all are in quarantine."""
        pause_s = _FIRST_PAUSE_S
        heard: tuple[str, ...] = ()
        while not self._off.is_set() and not loop.is_closed():
            found = self._tried(first=heard)
            if found is not None:
                return found
            heard = bell.heard(pause_s)
            pause_s = min(1.5 * pause_s, _LONGEST_PAUSE_S)
        return None

    def _tried(self, *, first: Container[str]) -> Lease | Fault | None:
        """A device that is free; looking at its files costs a tenth of an attempt that is refused."""
        shut = False
        for device in sorted(self._devices(), key=lambda device: device not in first):
            if is_locked(self._locks[device]):
                continue
            if read_quarantine(self._folder, device) is not None:
                shut = True
                continue
            lease = try_lease(device, folder=self._folder, process=self._process)
            if lease is not None:
                return lease
        return _all_in_quarantine(self._folder, self._every) if shut else None


def _all_in_quarantine(folder: Path, devices: Sequence[str]) -> Fault | None:
    """The fault where every device is in quarantine."""
    found = {device: read_quarantine(folder, device) for device in devices}
    if not all(found.values()):
        return None
    why = "; ".join(f"{device}: {entry.reason}" for device, entry in found.items() if entry is not None)
    return Fault("device", f"every device is in quarantine ({why}): see `caesar devices`, lift with --lift")
