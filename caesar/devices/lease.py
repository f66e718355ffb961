"""An exclusive lease on one device, held through a lock on a file until given back.

The operating system drops the lock when its holder dies, however it dies, so no lease outlives a
process and none has to be cleaned up; what the dead holder had begun is told to the next one, which
closes it. What a lease does not promise: it binds only those who take it from the same folder, and a
process that ignores leases can still use the device.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from caesar.devices import journal
from caesar.devices.folder import device_file
from caesar.devices.journal import Entry, What
from caesar.devices.lock import Lock, is_locked, try_lock
from caesar.devices.processes import Process, this_process
from caesar.devices.quarantine import Quarantine, read_quarantine, write_quarantine
from caesar.devices.state import Doing, Holder, State, read_state, write_state
from caesar.effects import Condition
from caesar.errors import Fault

__all__ = ["Lease", "holder", "is_held", "try_lease"]

_REQUEST_CHARS = 300


@dataclass(slots=True)
class Lease:
    """A device whose lock this process holds; each piece of work on it is a grant with a token of its own."""

    device: str
    folder: Path
    token: int
    """That of the newest grant."""
    leftover: Holder | None
    """The holder that died with the device or could not give it back, until `reclaim` has closed its grant."""
    process: Process
    _lock: Lock
    _request: str = ""
    _open: bool = False
    """Whether the newest grant is in the journal, and perhaps not yet its release."""

    @property
    def current(self) -> bool:
        """Whether the lease still binds others: its file lies at its path and no newer token was given."""
        there = self._lock.is_at(device_file(self.folder, self.device, "lock"))
        return there and read_state(self.folder, self.device).token == self.token

    def grant(self, request: str, *, waited_s: float, alone: bool | None) -> int:
        """Begin a piece of work; its fencing token, one more than the device's last."""
        self.token += 1
        self._request = request
        self._write(Doing.WORKING)
        self._journal(What.GRANT, request=request, seconds=waited_s, alone=alone)
        self._open = True
        return self.token

    def release(self, *, held_s: float, condition: Condition) -> None:
        """Close the piece of work; the device stays this process's, kept or to be probed."""
        self._journal(What.RELEASE, seconds=held_s, condition=condition)
        self._write(Doing.KEEPING if condition is Condition.SOUND else Doing.PROBING)
        self._open = False

    def reclaim(self) -> None:
        """Close the grant that the last holder left open, if it did; exactly once, whoever dies meanwhile."""
        if self.leftover is None:
            return
        about = journal.entries_of(self.folder, self.device, self.token, since_us=self.leftover.since_us)
        told = {entry.what for entry in about}
        if What.GRANT in told and not told & {What.RELEASE, What.RECLAIM}:
            left = self.leftover.process
            why = f"process {left.pid} {'could not give it back' if left.alive else 'died with it'}"
            self._journal(What.RECLAIM, request=self.leftover.request, reason=why)
        self.leftover = None

    def foreign(self, reason: str) -> None:
        """Note who computes on the device without a lease."""
        self._journal(What.FOREIGN, reason=reason)

    def quarantine(self, reason: str) -> None:
        """Give the device to nobody until that is lifted."""
        write_quarantine(self.folder, self.device, Quarantine(reason, _now_us()))
        self._journal(What.QUARANTINE, reason=reason)

    def lift(self, reason: str) -> None:
        """Give the device again."""
        write_quarantine(self.folder, self.device, None)
        self._journal(What.LIFT, reason=reason)

    def end(self) -> None:
        """Drop the lock; call it once. A grant that is open still is the next holder's to close."""
        try:
            if self.leftover is None and not self._open and self.current:
                write_state(self.folder, self.device, State(self.token))
        finally:
            self._lock.drop()

    def _write(self, doing: Doing) -> None:
        holder = Holder(self.process, os.getuid(), doing, self._request[:_REQUEST_CHARS], _now_us())
        write_state(self.folder, self.device, State(self.token, holder))

    def _journal(
        self,
        what: What,
        *,
        request: str | None = None,
        seconds: float | None = None,
        condition: str | None = None,
        reason: str | None = None,
        alone: bool | None = None,
    ) -> None:
        entry = Entry(
            _now_us(), what, self.device, self.token, self.process.pid, os.getuid(),
            request=request, seconds=seconds, condition=condition,
            reason=reason, alone=alone,
        )  # fmt: skip
        journal.append(self.folder, entry)


def try_lease(
    device: str, *, folder: Path, process: Process | None = None, quarantined: bool = False
) -> Lease | None:
    """The device's lease, or None where someone holds it or it is in quarantine; never waits.

    The holder is this process, which may have been looked up before. With `quarantined` a quarantine
    is no hindrance. A Fault means that the lock can't be taken or its state not be read; the device is
    then free.
    """
    path = device_file(folder, device, "lock")
    lock: Lock | None = None
    lease: Lease | None = None
    try:
        lock = try_lock(path)
        if lock is None:
            return None
        state = read_state(folder, device)
        if lock.is_at(path) and (quarantined or read_quarantine(folder, device) is None):
            lease = Lease(device, folder, state.token, state.holder, process or this_process(), lock)
    except OSError as error:
        raise Fault("device", f"device {device} can't be leased through {folder}: {error.strerror}") from error
    finally:
        if lease is None and lock is not None:
            lock.drop()
    return lease


def holder(device: str, *, folder: Path) -> Holder | None:
    """Who holds the device now, as the lock tells; None where nobody does.

    In the instant after a grant, and while a dead holder's device is being reclaimed, it is the last one.
    """
    return read_state(folder, device).holder if is_held(device, folder=folder) else None


def is_held(device: str, *, folder: Path) -> bool:
    """Whether anybody has the device's lock."""
    return is_locked(str(device_file(folder, device, "lock")))


def _now_us() -> int:
    return time.time_ns() // 1000
