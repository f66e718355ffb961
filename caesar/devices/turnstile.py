"""The turnstile: processes that want a device stand in one line, and only its head looks for a free one.

A blocking flock, which the kernel grants in the order it was asked for; whoever dies in the line is
gone from it. Processes that want the same devices share a line; those that want others don't stand in
its way. filelock only polls, so this lock is the operating system's own.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from caesar.devices.bell import Bell, ring
from caesar.devices.folder import open_file, read_file
from caesar.devices.lock import is_locked

__all__ = ["Line", "Turnstile", "lines"]

_PREFIX = "turnstile-"
_BELL = "bell-"
_LOCKS = Path("/proc/locks")


@dataclass(frozen=True, slots=True)
class Line:
    """Those who wait for one of the same devices."""

    devices: tuple[str, ...]
    waiting: int
    """How many processes stand in it, its head included; 1 where only that somebody does is known."""


class Turnstile:
    """The line for one set of devices in one folder."""

    def __init__(self, folder: Path, devices: Iterable[str]) -> None:
        self._devices = tuple(sorted(devices))
        name = sha256("\0".join(self._devices).encode()).hexdigest()[:12]
        self._folder = folder
        self._path = folder / f"{_PREFIX}{name}"
        self._bell = folder / f"{_BELL}{name}"

    @contextmanager
    def passed(self) -> Iterator[Bell]:
        """Wait in line, without limit, and be its head within the block, where it hears of devices.

        In a thread of its own.
        """
        descriptor = open_file(self._path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.pwrite(descriptor, msgspec.json.encode(self._devices), 0)
            with Bell.hung(self._bell) as bell:
                yield bell
        finally:
            os.close(descriptor)

    def others_wait(self, device: str, *, including_own_line: bool) -> bool:
        """Whether somebody stands in a line for the device, this process's own line counted or not."""
        own = str(self._path)
        return any(
            is_locked(path) and device in _devices(path)
            for path in _files(self._folder, _PREFIX)
            if including_own_line or path != own
        )

    def tell(self, device: str) -> None:
        """Tell the head of every line that a device was given up."""
        ring(_files(self._folder, _BELL), device)


def lines(folder: Path) -> tuple[Line, ...]:
    """Every line in which somebody stands."""
    held = ((path, _devices(path)) for path in _files(folder, _PREFIX) if is_locked(path))
    return tuple(Line(devices, _count(path)) for path, devices in held)


def _files(folder: Path, prefix: str) -> Sequence[str]:
    """The paths of the folder's files of one kind: texts, because each lease asks for them twice."""
    with os.scandir(folder) as files:
        return sorted(file.path for file in files if file.name.startswith(prefix))


def _devices(path: str) -> tuple[str, ...]:
    """For which devices the line is; empty in the instant before its first head has said it."""
    try:
        return msgspec.json.decode(read_file(path) or b"", type=tuple[str, ...])
    except msgspec.MsgspecError:
        return ()


def _count(path: str) -> int:
    """The holder of a lock and those who wait for it, as the kernel lists them."""
    if not _LOCKS.exists():
        return 1
    inode = f":{Path(path).stat().st_ino} "
    return max(1, sum(" FLOCK " in line and inode in line for line in _LOCKS.read_text().splitlines()))
