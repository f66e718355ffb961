"""Telling a process from a later one with its number, and from those that a dead holder left behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MARK", "Process", "end_marked", "is_marked", "marked", "this_process"]

MARK = "CAESAR_HOLDER"
"""The variable by which a holder's children can be recognised after its death: pid.start_time."""

_PAUSE_S = 0.02
_READ_BYTES = 1 << 16
_EXEC_LOOKS = 5
_EXEC_PAUSE_S = 0.002


@dataclass(frozen=True, slots=True)
class Process:
    """One process of this machine, since it was started last."""

    pid: int
    start_time: int
    """When it began, in clock ticks since boot: tells it from a later one with its pid."""
    boot: str
    """The machine's boot: a process of an earlier one is gone."""

    @property
    def mark(self) -> str:
        """What its children carry as MARK in their environment."""
        return f"{self.pid}.{self.start_time}"

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie has ended."""
        return self.boot == _boot() and _start_time(self.pid) == self.start_time


def this_process() -> Process:
    """The process that asks."""
    start = _start_time(os.getpid())
    assert start is not None
    return Process(os.getpid(), start, _boot())


def marked(process: Process) -> Iterator[int]:
    """The living processes that carry a process's mark and that this user may look at."""
    wanted = f"{MARK}={process.mark}".encode()
    with os.scandir("/proc") as files:
        pids = [int(file.name) for file in files if file.name.isdecimal()]
    for pid in pids:
        if wanted in _environment(pid).split(b"\0") and _start_time(pid) is not None:
            yield pid


def is_marked(pid: int) -> bool:
    """Whether some holder started the process; False where this user may not look."""
    return f"{MARK}=".encode() in _environment(pid)


def end_marked(process: Process, *, within_s: float) -> tuple[int, ...]:
    """Kill what a dead holder left behind; what is still there after so many seconds."""
    deadline = time.monotonic() + within_s
    while left := tuple(marked(process)):
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return left
        time.sleep(_PAUSE_S)
    return ()


def _environment(pid: int) -> bytes:
    """What a process was started with; asked for again where there seems to be none.

    A process in the middle of an exec has none for an instant, and would be taken for a stranger.
    """
    for _ in range(_EXEC_LOOKS):
        found = _read_environment(pid)
        if found or not _is_a_program(pid):
            return found
        time.sleep(_EXEC_PAUSE_S)
    return b""


def _is_a_program(pid: int) -> bool:
    """Whether this user may look at the process, and it is neither a zombie nor the kernel's."""
    try:
        os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115 - a Path for each process of the machine costs more
    except OSError:
        return False
    return True


def _read_environment(pid: int) -> bytes:
    try:
        descriptor = os.open(f"/proc/{pid}/environ", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # it ended, or is another user's
        return b""
    try:
        return b"".join(iter(lambda: os.read(descriptor, _READ_BYTES), b""))
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _start_time(pid: int) -> int | None:
    """Field 22 of a process's stat; None where it has ended or is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # the name in parentheses may hold spaces and parentheses
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""
