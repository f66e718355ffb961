"""How much memory and how many processes a job may have: by a control group, else by looking often.

A control group is the kernel's own count. Where none can be made, the keeper adds up the job's
processes a few times a second: an allocation faster than that overshoots before it is ended.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from caesar.sandbox.box import Box, Tier
from caesar.sandbox.job import How
from caesar.sandbox.tree import descendants

__all__ = ["Guard", "Unlimited", "Watchdog", "guarded", "remove_groups"]

_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
"""However long a look takes: a job could make it long, and grow meanwhile."""
_SHARE = 20
"""A look may take one part in so many of a processor, as long as the pause allows that."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_REMOVALS = 50
_REMOVAL_PAUSE_S = 0.01
_NAME = "caesar-{}"


class Guard(Protocol):
    """Watches a job's memory and processes."""

    @property
    def pause_s(self) -> float | None:
        """How long to wait before the next look; None where none is needed."""

    def admit(self, pid: int) -> None:
        """Count a process and all it will start."""

    def passed(self) -> How | None:
        """The limit that was passed, if one was."""

    def kill(self) -> None:
        """Kill all that is counted, where that can be done at one blow."""


class Unlimited:
    """Watches nothing."""

    pause_s = None

    def admit(self, pid: int) -> None:
        """Count nothing."""

    def passed(self) -> None:
        """Report that nothing is limited."""

    def kill(self) -> None:
        """Leave the killing to the keeper."""


class Watchdog:
    """Adds up a tree's processes and memory; what several share is divided among them.

    It sees what processes have mapped. Memory files that none has mapped are not told from those of the
    evaluation by their descriptors, and those under way in a socket can't be found at all.
    """

    def __init__(self, box: Box) -> None:
        self._box = box
        self._root = os.getpid()
        self.pause_s: float = _PAUSE_S

    def admit(self, pid: int) -> None:
        """Count what descends from this process, as everything it starts does."""

    def passed(self) -> How | None:
        """The limit that the tree is above of just now."""
        began = time.monotonic()
        pids = tuple(descendants(self._root))
        passed = self._passed(pids)
        self.pause_s = min(_LONGEST_PAUSE_S, max(_PAUSE_S, _SHARE * (time.monotonic() - began)))
        return passed

    def kill(self) -> None:
        """Leave the killing to the keeper."""

    def _passed(self, pids: tuple[int, ...]) -> How | None:
        most = self._box.processes
        if most is not None and sum(map(_threads, pids)) > _most_tasks(self._box, most):
            return How.PROCESS_LIMIT
        held = self._box.memory_bytes
        if held is None or sum(map(_resident, pids)) <= held or sum(map(_share, pids)) <= held:
            return None
        return How.MEMORY_LIMIT


@dataclass(frozen=True, slots=True)
class _Group:
    """A control group, of either version of the interface; one folder for each controller in the first."""

    memory: Path | None
    tasks: Path | None
    pause_s: float = _PAUSE_S

    @property
    def folders(self) -> frozenset[Path]:
        """Where the group lies."""
        return frozenset(folder for folder in (self.memory, self.tasks) if folder)

    def admit(self, pid: int) -> None:
        """Count a process and all it will start."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def passed(self) -> How | None:
        """The limit that the kernel has enforced."""
        if self.memory and _counted(self.memory, ("memory.events", "memory.oom_control"), "oom_kill"):
            return How.MEMORY_LIMIT
        if self.tasks and _counted(self.tasks, ("pids.events",), "max"):
            return How.PROCESS_LIMIT
        return None

    def kill(self) -> None:
        """Kill all of it at one blow, where the kernel can."""
        for folder in self.folders:
            with suppress(OSError):  # only the second interface has it, since Linux 5.14
                _write(folder / "cgroup.kill", 1)


@contextmanager
def guarded(box: Box) -> Iterator[Guard]:
    """What watches a job with this box, in the job's keeper; groups are gone afterwards."""
    if box.memory_bytes is None and box.processes is None:
        yield Unlimited()
        return
    try:
        yield _grouped(box) or Watchdog(box)
    finally:
        remove_groups(os.getpid())


def remove_groups(keeper: int) -> None:
    """Remove what a keeper has made, or left behind; processes in it must be dead."""
    for parent in _parents():
        folder = parent / _NAME.format(keeper)
        for _attempt in range(_REMOVALS):
            try:
                folder.rmdir()
            except FileNotFoundError:
                break
            except OSError:  # the dead are counted for a moment
                time.sleep(_REMOVAL_PAUSE_S)


def _grouped(box: Box) -> _Group | None:
    """A new group that holds what the box says; None where it can't be had."""
    try:
        return _unified(box) or _split(box)
    except OSError:
        return None


def _unified(box: Box) -> _Group | None:
    parent = _parent("")
    if parent is None or not (parent / "cgroup.controllers").exists():
        return None
    with suppress(OSError):  # refused where processes lie in the parent; then it is on already, or never
        (parent / "cgroup.subtree_control").write_text("+memory +pids")
    folder = parent / _NAME.format(os.getpid())
    folder.mkdir()
    if not ((folder / "memory.max").exists() and (folder / "pids.max").exists()):
        folder.rmdir()
        return None
    _limit_memory(folder, box, most="memory.max", swap="memory.swap.max", swap_bytes=0)
    _limit_tasks(folder, box)
    return _Group(folder, folder)


def _split(box: Box) -> _Group | None:
    memory, tasks = _parent("memory"), _parent("pids")
    if memory is None or tasks is None:
        return None
    group = _Group(memory / _NAME.format(os.getpid()), tasks / _NAME.format(os.getpid()))
    for folder in group.folders:
        folder.mkdir()
    assert group.memory
    assert group.tasks
    _limit_memory(
        group.memory,
        box,
        most="memory.limit_in_bytes",
        swap="memory.memsw.limit_in_bytes",
        swap_bytes=box.memory_bytes,
    )
    _limit_tasks(group.tasks, box)
    return group


def _limit_memory(folder: Path, box: Box, *, most: str, swap: str, swap_bytes: int | None) -> None:
    if box.memory_bytes is None:
        return
    _write(folder / most, box.memory_bytes)
    if swap_bytes is not None and (folder / swap).exists():
        _write(folder / swap, swap_bytes)


def _limit_tasks(folder: Path, box: Box) -> None:
    if box.processes is not None:
        _write(folder / "pids.max", _most_tasks(box, box.processes))


def _most_tasks(box: Box, processes: int) -> int:
    """One more where the first process of a namespace is not the job's own."""
    return processes + (box.tier is Tier.NAMESPACE)


def _write(file: Path, value: int) -> None:
    file.write_text(str(value))


def _counted(folder: Path, files: tuple[str, ...], what: str) -> bool:
    for name in files:
        with suppress(FileNotFoundError):
            lines = (line.split() for line in (folder / name).read_text().splitlines())
            return any(line[0] == what and int(line[1]) > 0 for line in lines)
    return False


def _parents() -> Iterator[Path]:
    for controller in ("", "memory", "pids"):
        parent = _parent(controller)
        if parent:
            yield parent


def _parent(controller: str) -> Path | None:
    """Our own group, of a controller in the first interface, or in the second ("")."""
    mount = _mount_of(controller)
    if mount is None:
        return None
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _number, names, path = line.split(":", 2)
        if controller in names.split(","):
            own = mount / path.lstrip("/")
            return own if own.is_dir() else mount
    return None


def _mount_of(controller: str) -> Path | None:
    kind = "cgroup" if controller else "cgroup2"
    for line in Path("/proc/mounts").read_text().splitlines():
        _device, place, found, options, *_rest = line.split()
        if found == kind and (not controller or controller in options.split(",")):
            return Path(place)
    return None


def _threads(pid: int) -> int:
    return _field(pid, "status", "Threads:")


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):  # it has ended
        return 0


def _share(pid: int) -> int:
    """What a process holds, its part of what it shares with others; what can't be looked at counts whole."""
    return _field(pid, "smaps_rollup", "Pss:") * 1024 or _resident(pid)


def _field(pid: int, file: str, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text(errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
