"""Running compilers: each command in a job of its own, which sees sources, headers and an output folder.

What a command leaves is taken from its folder by the supervisor, and read-only to all other commands.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from caesar.builders.capacity import Capacity
from caesar.builders.threads import in_thread, removed_after
from caesar.errors import Fault
from caesar.sandbox.artifact import open_plain
from caesar.sandbox.box import Box, Tier
from caesar.sandbox.folders import job_folder
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.zygote import Zygote

__all__ = ["ROOM_BYTES", "Allowance", "Compilers", "Order", "Place", "Step"]

_TARGET = "caesar.builders.tool:run"
_OUTPUT_BYTES = 32 << 20
"""How much a compiler may say; a template can say more than anybody reads."""
_PROCESSES = 64
ROOM_BYTES = 64 << 20
"""With less free space than this, a failure says nothing about the candidate."""
_MADE_BYTES = 2 << 30
"""Of all that is made in one place."""
_OUT_OF_MEMORY = re.compile(r"Killed signal terminated program|out of memory|virtual memory exhausted|signal 9")

_TOO_LARGE = re.compile(r"File too large|File size limit exceeded|No space left on device")
"""What is said of a file that reached its bound; the assembler takes the disk for full."""


@dataclass(slots=True)
class Allowance:
    """The seconds that the commands of one build may run in all; those that run at once each take theirs."""

    left_s: float

    def spend(self, step: Step) -> Step:
        """Take off what a command took; the step as it is."""
        self.left_s -= step.ended.seconds
        return step


@dataclass(frozen=True, slots=True)
class Order:
    """A command to be run."""

    command: Sequence[str]
    memory: int
    """What it may hold, in bytes; half of it is what it is expected to."""
    allowance: Allowance
    """Out of which its time comes, from when it begins."""
    output: str | None = None
    """The file it leaves in its folder."""
    reads: tuple[Path, ...] = ()
    file_bytes: int = 512 << 20
    """How long each file may be that it writes."""


@dataclass(frozen=True, slots=True)
class Step:
    """How one command ended."""

    ended: Ended
    status: int
    cpu_s: float
    peak_bytes: int

    @property
    def ok(self) -> bool:
        """Whether it did what it was to do."""
        return self.status == 0

    @property
    def lasts(self) -> bool:
        """Whether it would end the same way again, as far as can be told."""
        killed = self.status < 0 or _OUT_OF_MEMORY.search(self.ended.output)
        return self.ended.how is How.EXITED and not killed

    @property
    def words(self) -> str:
        """What a failed command said, and what ended it if not its own errors."""
        said = self.ended.output.strip("\n")
        if self.ended.how is How.TIMED_OUT:
            return f"{said}\nerror: the compiler was ended at the time limit"
        if self.ended.how is How.OUTPUT_LIMIT:
            return f"{said}\nerror: the compiler was ended for saying too much"
        if not self.lasts:
            return f"{said}\nerror: the compiler was killed; it needed more memory than it may have"
        return said


_UNTRIED = Step(Ended(How.TIMED_OUT, 0, (), "", 0.0), -signal.SIGKILL, 0.0, 0)
"""What comes of a command for which no time is left."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is made: its sources, what was made of them, and a folder for each command."""

    root: Path
    sources: Path
    made: Path

    @classmethod
    @contextmanager
    def new(cls) -> Iterator[Place]:
        """A place, for the block; every user may go there, because a job may be one of its own."""
        with job_folder("compile") as folder:
            place = cls(folder, folder / "sources", folder / "made")
            for each in (place.sources, place.made):
                each.mkdir()
            place.root.chmod(0o711)
            yield place

    def new_folder(self) -> Path:
        """An empty folder for one command."""
        return Path(tempfile.mkdtemp(dir=self.root))

    def problem_with(self, path: Path) -> str | None:
        """Why a command's output can't be taken; None where it can."""
        if not path.is_file():
            return f"the compiler left no {path.name}"
        size = sum(each.stat().st_size for each in (path, *self.made.iterdir()))
        return f"what is made is larger than {_MADE_BYTES >> 20} MiB" if size > _MADE_BYTES else None

    def take(self, path: Path) -> None:
        """Copy a command's output to what was made; others may read it then, and only the supervisor write."""
        place = self.made / path.name
        with open_plain(path) as source, place.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        place.chmod(0o644)


@dataclass(frozen=True, slots=True)
class Compilers:
    """What runs compilers on this machine, as many at once as there is room for."""

    zygote: Zygote
    tier: Tier
    capacity: Capacity
    reads: tuple[Path, ...]
    """What every compiler may read besides its place."""

    async def run(self, order: Order, place: Place) -> Step:
        """How a command ended in its own job, once there was room for it.

        Its output, if it succeeded, lies in the place's `made` then. Fault where it could not be started, or
        failed with the disk full.
        """
        folder = place.new_folder()
        async with removed_after(folder):
            return await self._run(order, place, folder)

    async def _run(self, order: Order, place: Place, folder: Path) -> Step:
        async with self.capacity.taken(order.memory // 2):
            if order.allowance.left_s <= 0:
                return _UNTRIED
            step = order.allowance.spend(await self._ended(order, place, folder))
        if not step.ok and shutil.disk_usage(place.root).free < ROOM_BYTES:
            raise Fault(
                "builder", f"a compiler failed with the disk of {place.root.parent} full; free some space"
            )
        if not step.ok and _TOO_LARGE.search(step.ended.output):
            return _told(step, f"no file of a compiler's may be larger than {order.file_bytes >> 20} MiB here")
        if step.ok and order.output is not None:
            return await _taken(step, place, folder / order.output)
        return step

    async def _ended(self, order: Order, place: Place, folder: Path) -> Step:
        box = Box(
            tier=self.tier,
            reads=(*self.reads, place.sources, place.made, *order.reads),
            memory_bytes=order.memory,
            processes=_PROCESSES,
            file_bytes=order.file_bytes,
            cpus=self.capacity.cpus,
        )
        payload = json.dumps(list(order.command)).encode()
        job = Job(_TARGET, payload, folder, order.allowance.left_s, _OUTPUT_BYTES, box=box)
        return _step(order, await self.zygote.run(job))


async def _taken(step: Step, place: Place, output: Path) -> Step:
    """The step once its output lies with what was made; failed where that can't be."""
    problem = place.problem_with(output)
    if problem is None:
        await in_thread(place.take, output)
        return step
    return replace(_told(step, problem), status=1)


def _told(step: Step, problem: str) -> Step:
    """The step with a word of ours at the end of its output."""
    return replace(step, ended=replace(step.ended, output=f"{step.ended.output}\nerror: {problem}"))


def _step(order: Order, ended: Ended) -> Step:
    if ended.how is How.EXITED and ended.code != 0:
        raise Fault("builder", f"{order.command[0]} could not be started: {ended.output.strip()[-300:]}")
    if not ended.replies:  # it was ended before it could say more
        return Step(ended, -signal.SIGKILL, 0.0, 0)
    said = json.loads(ended.replies[0])
    return Step(ended, said["status"], said["cpu_s"], said["peak_bytes"])
