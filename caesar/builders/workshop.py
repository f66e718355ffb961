"""Making libraries of extensions: slim headers first, real ones where those don't suffice, nothing twice.

Every compiler runs in a job of its own, which sees the sources, the headers and an output folder. What
a failed build's log says, and whether it failed, always comes from the real headers.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import signal
import sysconfig
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from caesar.builders.buildlog import tidy
from caesar.builders.cache import BuildCache, Entry
from caesar.builders.capacity import Capacity
from caesar.builders.commands import LIBRARY, PRELUDE, Headers, Recipe, Unit
from caesar.builders.inflight import InFlight
from caesar.builders.prelude import may_suffice, prelude, uses_torch
from caesar.builders.toolchain import Toolchain
from caesar.domain import BuildOutcome, Digest
from caesar.errors import Fault
from caesar.events import canonical
from caesar.sandbox.artifact import open_plain
from caesar.sandbox.box import Box, Tier
from caesar.sandbox.extensions import Extension
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.zygote import Zygote

__all__ = ["SLIM", "Made", "Workshop"]


VERSION = "extension-1"
"""Part of every extension's identity: raise it when they come out differently."""

SLIM = Path(__file__).parent / "slim"
_TARGET = "caesar.builders.tool:run"
_OUTPUT_BYTES = 32 << 20
"""How much a compiler may say; a template can say more than anybody reads."""
_PROCESSES = 64
_GB = 1 << 30
_SUPPORT = ("tensors.cpp", "binding.cpp", "cuda.cpp")
_ARCHIVE = "libcaesar_slim.a"
_HEADER = "torch/extension.h"
_PRECOMPILED = "precompiled.gch"
_SETUP_S = 1800.0
_CHECKS_WITHOUT = 3
"""How many checks go without a precompiled header: making it costs what it saves in as many."""
_PATH = re.compile(r"[\w.+-][\w .+-]*(/[\w.+-][\w .+-]*)*")
_OUTSIDE = re.compile(
    r"""^\s*#\s*(?:include|include_next|import|embed)\s*[<"](?P<path>/[^>"\n]*|[^>"\n]*\.\.[^>"\n]*)[>"]|\.incbin\s*\\*["']?(?P<bin>)""",
    re.MULTILINE,
)
"""A courtesy where nothing keeps compilers from files (tier none): spliced lines and macros get round it."""
_OUT_OF_MEMORY = re.compile(r"Killed signal terminated program|out of memory|virtual memory exhausted|signal 9")


@dataclass(frozen=True, slots=True)
class Made:
    """What an extension came to."""

    entry: Entry
    library: Path | None
    cached: bool
    lasts: bool = True
    """Whether it was remembered: the same sources would come to the same again."""


@dataclass(frozen=True, slots=True)
class _Step:
    """How one command ended."""

    ended: Ended
    status: int
    cpu_s: float
    peak_bytes: int

    @property
    def ok(self) -> bool:
        return self.status == 0

    @property
    def lasts(self) -> bool:
        """Whether it would end the same way again, as far as can be told."""
        killed = self.status < 0 or _OUT_OF_MEMORY.search(self.ended.output)
        return self.ended.how is How.EXITED and not killed


@dataclass(frozen=True, slots=True)
class _Order:
    """A command to be run."""

    command: Sequence[str]
    memory: int
    """What it may hold; half of it is what it is expected to."""
    limit_s: float
    output: str | None = None
    """The file it leaves in its folder."""
    reads: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something is made: its sources, what was made of them, and a folder for each command."""

    root: Path
    sources: Path
    made: Path

    def new_folder(self) -> Path:
        """An empty folder for one command."""
        return Path(tempfile.mkdtemp(dir=self.root))

    def take(self, path: Path) -> None:
        """Move a command's output to what was made; others may read it then, and only the supervisor write."""
        place = self.made / path.name
        with open_plain(path) as source, place.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        place.chmod(0o644)


_Maker = Callable[[_Place], Awaitable[dict[str, Path]]]
"""What makes the files of something shared, in a place."""


@contextmanager
def _place() -> Iterator[_Place]:
    """A place, for the block; every user may go there, because a job may be one of its own."""
    with tempfile.TemporaryDirectory(prefix="caesar-compile-", ignore_cleanup_errors=True) as folder:
        place = _Place(Path(folder), Path(folder, "sources"), Path(folder, "made"))
        for each in (place.sources, place.made):
            each.mkdir()
        place.root.chmod(0o711)
        yield place


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What a number of commands came to."""

    steps: tuple[_Step, ...]

    @property
    def failed(self) -> tuple[_Step, ...]:
        return tuple(step for step in self.steps if not step.ok)

    def __add__(self, other: _Attempt) -> _Attempt:
        return _Attempt((*self.steps, *other.steps))


class Workshop:
    """Compiles extensions for one toolchain and device architecture, many at once, and remembers each."""

    def __init__(
        self,
        *,
        cache: BuildCache,
        zygote: Zygote,
        toolchain: Toolchain,
        arch: str | None,
        tier: Tier,
        capacity: Capacity,
    ) -> None:
        self._cache = cache
        self._zygote = zygote
        self._toolchain = toolchain
        self._arch = arch
        self._tier = tier
        self._capacity = capacity
        self._making: InFlight[Made] = InFlight()
        self._supporting: asyncio.Task[Path] | None = None
        self._slim_digest = _digest_of(SLIM)

    async def make(self, extension: Extension, *, limit_s: float, real: bool = False) -> Made:
        """The extension's library, or why there is none; `real` asks for the real headers.

        No compiler runs longer than the limit. Cancelling ends them unless others wait for the same.
        """
        key = self._key(extension, "real" if real else "any")
        entry = self._cache.find(key)
        if entry is not None:
            return self._made(key, entry, cached=True)
        return await self._making.join(key, lambda: self._make(key, extension, limit_s=limit_s, real=real))

    def _key(self, *parts: object) -> Digest:
        told = [part.digest if isinstance(part, Extension) else part for part in parts]
        identity = (VERSION, told, self._toolchain.identity, self._arch, self._slim_digest)
        return hashlib.sha256(canonical(identity)).hexdigest()

    def _made(self, key: Digest, entry: Entry, *, cached: bool) -> Made:
        library = self._cache.folder(key) / LIBRARY if entry.outcome is BuildOutcome.BUILT else None
        return Made(entry, library, cached)

    async def _make(self, key: Digest, extension: Extension, *, limit_s: float, real: bool) -> Made:
        async with self._cache.locked(key):
            known = self._cache.find(key)
            if known is not None:
                return self._made(key, known, cached=True)
            with _place() as place:
                work = _Work(self, extension, place, limit_s)
                entry = await work.done(real=real)
                if not work.lasts:
                    return Made(entry, None, cached=False, lasts=False)
                files = {LIBRARY: place.made / LIBRARY} if entry.outcome is BuildOutcome.BUILT else {}
                entry = self._cache.keep(key, entry, files)
        self._cache.trim()
        return self._made(key, entry, cached=False)

    def recipe(self, extension: Extension, place: _Place) -> Recipe:
        """How the extension is compiled here."""
        places, std = self._toolchain.places, self._toolchain.std
        return Recipe(extension, places, std, self._arch, SLIM, place.sources, place.made)

    async def run(self, order: _Order, place: _Place) -> _Step:
        """How a command ended in its own job, once there was room for it; Fault where it could not be started.

        Its output, if it succeeded, lies in the place's `made` then.
        """
        folder = place.new_folder()
        box = Box(
            tier=self._tier,
            reads=(*self._toolchain.places.reads, SLIM, place.sources, place.made, *order.reads),
            memory_bytes=order.memory,
            processes=_PROCESSES,
        )
        payload = json.dumps(list(order.command)).encode()
        job = Job(_TARGET, payload, folder, order.limit_s, _OUTPUT_BYTES, box=box)
        async with self._capacity.taken(order.memory // 2):
            step = _step(order, await self._zygote.run(job))
        if step.ok and order.output is not None:
            place.take(folder / order.output)
        return step

    def support(self) -> asyncio.Task[Path]:
        """The library behind the slim headers, compiled at the first need, whoever goes on to wait for it."""
        if self._supporting is None or (self._supporting.done() and not _succeeded(self._supporting)):
            self._supporting = asyncio.create_task(self._support())
        return self._supporting

    async def _support(self) -> Path:
        key = self._key("support")
        await self._shared(key, self._make_support)
        return self._cache.folder(key) / _ARCHIVE

    async def _shared(self, key: Digest, make: _Maker) -> None:
        """Have what all extensions share in the cache."""
        if self._cache.find(key) is None:
            await self._making.join(key, lambda: self._make_shared(key, make))

    async def _make_shared(self, key: Digest, make: _Maker) -> Made:
        async with self._cache.locked(key):
            known = self._cache.find(key)
            if known is not None:
                return Made(known, None, cached=True)
            with _place() as place:
                entry = Entry(BuildOutcome.BUILT, None, "", 0.0)
                return Made(self._cache.keep(key, entry, await make(place)), None, cached=False)

    async def _make_support(self, place: _Place) -> dict[str, Path]:
        places = self._toolchain.places
        includes = [word for each in (SLIM / "include", *places.headers) for word in ("-isystem", str(each))]
        options = ["-O2", "-fPIC", "-ffunction-sections", "-fdata-sections", "-fvisibility=hidden"]
        sources = [name for name in _SUPPORT if places.cuda or name != "cuda.cpp"]
        commands = {
            f"{name}.o": [
                places.cxx,
                *options,
                f"-std={self._toolchain.std}",
                *includes,
                "-c",
                str(SLIM / "support" / name),
            ]
            for name in sources
        }
        compiled = [
            self.run(_Order((*command, "-o", output), 3 * _GB, _SETUP_S, output), place)
            for output, command in commands.items()
        ]
        _require(await asyncio.gather(*compiled), "the slim headers' library")
        archive = [places.ar, "rcs", _ARCHIVE, *(str(place.made / output) for output in commands)]
        _require([await self.run(_Order(archive, _GB, _SETUP_S, _ARCHIVE), place)], "the slim headers' library")
        return {_ARCHIVE: place.made / _ARCHIVE}

    async def precompiled(self, recipe: Recipe) -> tuple[Path, ...]:
        """The folder of the real header, precompiled for flags like these, if it was worth making by now.

        It costs what it saves in three checks, so the first three of its flags go without.
        """
        command = recipe.precompile(_HEADER, _PRECOMPILED)
        key = self._key("precompiled", command)
        if self._cache.find(key) is not None:
            return (self._cache.folder(key),)
        for number in range(_CHECKS_WITHOUT):
            wanted = self._key("precompiled wanted", command, number)
            if self._cache.find(wanted) is None:
                async with self._cache.locked(wanted):
                    self._cache.keep(wanted, Entry(BuildOutcome.BUILT, None, "", 0.0), {})
                return ()
        await self._shared(key, lambda place: self._precompile(recipe, place))
        return (self._cache.folder(key),)

    async def _precompile(self, recipe: Recipe, place: _Place) -> dict[str, Path]:
        header = place.sources / "extension.h"
        header.write_text(f"#include_next <{_HEADER}>\n")
        command = recipe.precompile(str(header), _PRECOMPILED)
        _require(
            [await self.run(_Order(command, 4 * _GB, _SETUP_S, _PRECOMPILED), place)], "the precompiled header"
        )
        return {_HEADER: header, f"{_HEADER}.gch": place.made / _PRECOMPILED}


class _Work:
    """One extension being made in a folder."""

    def __init__(self, workshop: Workshop, extension: Extension, place: _Place, limit_s: float) -> None:
        self._workshop = workshop
        self._extension = extension
        self._place = place
        self._limit_s = limit_s
        self._recipe = workshop.recipe(extension, place)
        self._steps = _Attempt(())
        self.lasts = True
        """Whether the outcome is worth remembering."""

    async def done(self, *, real: bool) -> Entry:
        """Make it; what it came to."""
        problem = _unusable(self._extension)
        if problem:
            return Entry(BuildOutcome.FAILED, "compiler_error", problem, 0.0)
        _write(self._extension, self._place.sources)
        if not real and may_suffice((file.text for file in self._extension.files), SLIM / "standins"):
            slim = await self._built(Headers.SLIM)
            if not slim.failed:
                return self._entry(Headers.SLIM, ())
            checked = await self._all(self._check(unit) for unit in self._recipe.units)
            if checked.failed:
                return self._entry(Headers.REAL, checked.failed)
        built = await self._built(Headers.REAL)
        return self._entry(Headers.REAL, built.failed)

    async def _built(self, headers: Headers) -> _Attempt:
        behind = headers is Headers.SLIM and uses_torch(file.text for file in self._extension.files)
        support = self._workshop.support() if behind else None
        compiled = await self._all(self._compile(unit, headers) for unit in self._recipe.units)
        if compiled.failed:
            return compiled
        archive = await asyncio.shield(support) if support else None
        reads = () if archive is None else (archive.parent,)
        return await self._all(
            [self._run(self._recipe.link(headers, archive), memory=_GB, output=LIBRARY, reads=reads)]
        )

    async def _compile(self, unit: Unit, headers: Headers) -> _Step:
        command = self._recipe.compile(unit, headers)
        return await self._run(command, memory=_memory(unit, headers), output=unit.object)

    async def _check(self, unit: Unit) -> _Step:
        first = () if unit.cuda else await self._workshop.precompiled(self._recipe)
        command = self._recipe.check(unit, first=first)
        return await self._run(command, memory=_memory(unit, Headers.REAL), reads=first)

    async def _run(
        self, command: Sequence[str], *, memory: int, output: str | None = None, reads: tuple[Path, ...] = ()
    ) -> _Step:
        return await self._workshop.run(_Order(command, memory, self._limit_s, output, reads), self._place)

    async def _all(self, commands: Iterable[Awaitable[_Step]]) -> _Attempt:
        """Run them at once; the first to fail ends the others."""
        tasks = [asyncio.ensure_future(command) for command in commands]
        done: list[_Step] = []
        try:
            for next_done in asyncio.as_completed(tasks):
                step = await next_done
                done.append(step)
                if not step.ok:
                    break
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        attempt = _Attempt(tuple(done))
        self._steps += attempt
        return attempt

    def _entry(self, headers: Headers, failed: tuple[_Step, ...]) -> Entry:
        self.lasts = all(step.lasts for step in failed)
        timed_out = any(step.ended.how is How.TIMED_OUT for step in failed)
        reason = "time_limit" if timed_out else "compiler_error" if failed else None
        outcome = BuildOutcome.TIMED_OUT if timed_out else BuildOutcome.FAILED if failed else BuildOutcome.BUILT
        steps = self._steps.steps
        return Entry(
            outcome,
            reason,
            log=tidy("\n".join(map(_words, failed)), shown=self._shown()),
            seconds=sum(step.ended.seconds for step in steps),
            headers=headers.value,
            dropped=self._recipe.dropped,
            cpu_s=sum(step.cpu_s for step in steps),
            peak_bytes=max((step.peak_bytes for step in steps), default=0),
        )

    def _shown(self) -> dict[str, str]:
        places = self._recipe.places
        cuda = {f"{places.cuda}/": "cuda/"} if places.cuda else {}
        packages = sysconfig.get_path("purelib")
        return {
            f"{self._place.sources}/": "",
            f"{self._place.root}/": "",
            f"{packages}/": "",
            f"{places.torch.parent}/": "",
            f"{places.python}/": "python/",
            **cuda,
        }


def _step(order: _Order, ended: Ended) -> _Step:
    if ended.how is How.EXITED and ended.code != 0:
        raise Fault("builder", f"{order.command[0]} could not be started: {ended.output.strip()[-300:]}")
    if not ended.replies:  # it was ended before it could say more
        return _Step(ended, -signal.SIGKILL, 0.0, 0)
    said = json.loads(ended.replies[0])
    return _Step(ended, said["status"], said["cpu_s"], said["peak_bytes"])


def _words(step: _Step) -> str:
    """What a failed command said, and what ended it if not its own errors."""
    said = step.ended.output.strip("\n")
    if step.ended.how is How.TIMED_OUT:
        return f"{said}\nerror: the compiler was ended at the time limit"
    if step.ended.how is How.OUTPUT_LIMIT:
        return f"{said}\nerror: the compiler was ended for saying too much"
    if not step.lasts:
        return f"{said}\nerror: the compiler was killed; it needed more memory than it may have"
    return said


def _memory(unit: Unit, headers: Headers) -> int:
    """What a compiler may hold; half of it is what it is expected to."""
    if unit.cuda:
        return 6 * _GB if headers is Headers.REAL else 3 * _GB
    return 4 * _GB if headers is Headers.REAL else 2 * _GB


def _unusable(extension: Extension) -> str | None:
    """Why nothing can be compiled, without any compiler; None where it can be tried."""
    if not re.fullmatch(r"[A-Za-z_]\w*", extension.name):
        return f"error: the extension's name {extension.name!r} is no identifier, which C++ needs it to be"
    if not any(file.compiled for file in extension.files):
        return "error: there is no source to compile"
    for file in extension.files:
        reached = _OUTSIDE.search(file.text)
        if reached and not (reached["path"] or "").startswith(("/usr/", "/opt/")):
            return f"{file.path}: error: a source may not take in files by where they lie: {reached[0].strip()}"
        if not _PATH.fullmatch(file.path) or ".." in PurePosixPath(file.path).parts:
            return f"error: a source can't be called {file.path!r}"
    return None


def _write(extension: Extension, folder: Path) -> None:
    for file in extension.files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, errors="replace")
    (folder / PRELUDE).write_text(prelude(file.text for file in extension.files))


def _require(steps: Iterable[_Step], what: str) -> None:
    for step in steps:
        if not step.ok:
            raise Fault("builder", f"{what} could not be made: {step.ended.output.strip()[-600:]}")


def _succeeded(task: asyncio.Task[Path]) -> bool:
    return not task.cancelled() and task.exception() is None


def _digest_of(folder: Path) -> Digest:
    told = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            told.update(f"{path.relative_to(folder)}\n".encode())
            told.update(path.read_bytes())
    return told.hexdigest()
