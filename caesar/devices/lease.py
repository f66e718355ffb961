"""An exclusive lease on one device, held through a lock on a file until given back.

The operating system drops the lock when its holder dies, however it dies, so no lease outlives a
process and none has to be cleaned up. What a lease does not promise: it binds only those who take
it from the same folder, a process that ignores leases can still use the device, and a child forked
without exec shares the lock and keeps it until both are gone.

The lock is flock's own, not filelock's: the descriptor is needed to see that the locked file is
still the one at its path.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from caesar.errors import Fault, UsageError
from caesar.mounts import network_file_system, read_mounts

__all__ = ["Holder", "Lease", "holder", "lock_name", "prepare_folder", "try_lease"]

_STAT = Path("/proc/self/stat")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a device, as written beside its lock."""

    pid: int
    start_time: int
    """When that process began, in clock ticks since boot: tells it from a later one with its pid."""
    request: str
    """The piece of work the device is held for."""
    since_us: int
    """When the lease was granted: microseconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A device held by this process, until `end`."""

    device: str
    token: int
    """The fencing token: one more than the device's last grant, for as long as the folder exists."""
    descriptor: int
    """The open, locked file; closed on exec."""
    record: Path
    """Where the holder is written."""

    def end(self) -> None:
        """Give the device back; call it once."""
        try:
            self.record.unlink(missing_ok=True)
        finally:
            os.close(self.descriptor)


def lock_name(device: str) -> str:
    """The name of a device's files, without their suffix: its id in characters safe for file names."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", device)


def prepare_folder(folder: Path, *, mounts: str | None = None) -> Path:
    """The absolute folder for lock files, made if missing; UsageError where locks can't be relied upon.

    `mounts` stands for the text of /proc/self/mounts, which is read where it isn't given.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        absolute = folder.resolve(strict=True)
    except OSError as error:
        raise UsageError(
            f"device locks can't be kept in {folder} ({error.strerror}): choose another"
        ) from error
    if absolute.stat().st_uid not in {0, os.geteuid()}:
        raise UsageError(f"device locks can't be kept in {absolute}, which is another user's: choose another")
    if not os.access(absolute, os.W_OK | os.X_OK):
        raise UsageError(f"device locks can't be kept in {absolute}, which you may not write: choose another")
    remote = network_file_system(absolute, mounts=read_mounts() if mounts is None else mounts)
    if remote is not None:
        raise UsageError(
            f"device locks can't be kept in {absolute}, which is on a network file system ({remote}):"
            " choose a folder on this machine"
        )
    return absolute


def try_lease(device: str, *, request: str, folder: Path) -> Lease | None:
    """A lease on the device, or None where someone holds it; never waits.

    A Fault means that the lock can't be taken or its token not be kept; the device is then free.
    """
    try:
        descriptor = _lock(folder / f"{lock_name(device)}.lock")
        if descriptor is None:
            return None
        return _recorded(device, descriptor, request=request, folder=folder)
    except OSError as error:
        raise Fault("device", f"device {device} can't be leased through {folder}: {error.strerror}") from error


def holder(device: str, *, folder: Path) -> Holder | None:
    """Who holds the device now; None where nobody does.

    In the instant after a grant the record may still be missing, or that of a holder that was killed.
    """
    try:
        descriptor = os.open(folder / f"{lock_name(device)}.lock", os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_holder(folder / f"{lock_name(device)}.json")
    finally:
        os.close(descriptor)
    return None


def _lock(path: Path) -> int | None:
    """The descriptor of the file, locked; None where someone else has it locked."""
    # O_CLOEXEC is Python's default; said aloud since a program that inherits the descriptor keeps the device
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(path, descriptor):
            return descriptor
    except BlockingIOError:
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file is the one that others find at the path: a removed one excludes nobody."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


def _recorded(device: str, descriptor: int, *, request: str, folder: Path) -> Lease:
    """The lease behind a locked descriptor, its token counted and its holder written."""
    name = lock_name(device)
    record = folder / f"{name}.json"
    try:
        token = _next_token(folder / f"{name}.token")
        _replace(record, msgspec.json.encode(_this_process(request)))
    except (OSError, Fault):
        os.close(descriptor)
        raise
    return Lease(device, token, descriptor, record)


def _next_token(path: Path) -> int:
    """One more than the file says, written back; only ever called under the device's lock."""
    last = path.read_text().strip() if path.exists() else "0"
    if not last.isdecimal():
        raise Fault(
            "device",
            f"the fencing token in {path} is damaged: remove the file once no Caesar uses the device",
            permanent=True,
        )
    token = int(last) + 1
    _replace(path, str(token).encode())
    return token


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Not flushed to disk: no lease outlives a loss of power."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)


def _this_process(request: str) -> Holder:
    # the name in parentheses may hold spaces and parentheses; the start is field 22 of the line
    start = int(_STAT.read_text().rpartition(")")[2].split()[19])
    return Holder(os.getpid(), start, request, time.time_ns() // 1000)


def _read_holder(record: Path) -> Holder | None:
    try:
        return msgspec.json.decode(record.read_bytes(), type=Holder)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
