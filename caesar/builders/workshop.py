"""Making libraries of extensions: slim headers first, real ones where those don't suffice, nothing twice.

What a failed build's log says, and whether it failed, always comes from the real headers.
"""

from __future__ import annotations

import asyncio
import hashlib
import sysconfig
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from caesar.builders.buildlog import LEFT_OUT, cut, tidy
from caesar.builders.cache import BuildCache, Entry
from caesar.builders.capacity import Capacity
from caesar.builders.checks import Ending
from caesar.builders.commands import LIBRARY, Headers, Recipe, Unit
from caesar.builders.inflight import InFlight
from caesar.builders.pieces import Pieces
from caesar.builders.prelude import may_suffice, uses_torch
from caesar.builders.sources import lay_out, unusable
from caesar.builders.steps import Allowance, Compilers, Order, Place, Step
from caesar.builders.threads import in_thread
from caesar.builders.toolchain import Toolchain
from caesar.domain import BuildOutcome, Digest
from caesar.events import canonical
from caesar.sandbox.box import Tier
from caesar.sandbox.extensions import Extension
from caesar.sandbox.job import How
from caesar.sandbox.zygote import Zygote

__all__ = ["SLIM", "Made", "Workshop"]


VERSION = "extension-3"
"""Part of every extension's identity: raise it when they come out differently, but for what follows."""

SLIM = Path(__file__).parent / "slim"
_DECIDING = tuple(Path(__file__).with_name(name) for name in ("commands.py", "flags.py", "prelude.py"))
"""What decides on the compilers' commands and on what is put before a source: part of the identity too."""
_GB = 1 << 30
_LIBRARY_BYTES = 256 << 20
_LOG_CHARS = 256_000


@dataclass(frozen=True, slots=True)
class Made:
    """What an extension came to."""

    entry: Entry
    library: Path | None
    cached: bool
    lasts: bool = True
    """Whether it was remembered: the same sources would come to the same again."""

    def hurried(self, limit_s: float) -> bool:
        """Whether it was given up for want of time by somebody who had less than this."""
        return self.entry.reason == "time_limit" and self.entry.seconds < limit_s


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
        self._toolchain = toolchain
        self._arch = arch
        self._slim = SLIM
        self._making: InFlight[Made] = InFlight()
        self.identity = (VERSION, toolchain.identity, arch, _digest_of((self._slim, *_DECIDING)))
        """All that what is made here depends on besides the extension: part of the identity of every build."""
        self.compilers = Compilers(zygote, tier, capacity, (*toolchain.places.reads, self._slim))
        """What runs a command in its box."""
        self.pieces = Pieces(
            cache=cache, compilers=self.compilers, toolchain=toolchain, slim=self._slim, key=self._key
        )
        """What its extensions share."""

    async def make(self, extension: Extension, *, limit_s: float, real: bool = False) -> Made:
        """The extension's library, or why there is none; `real` asks for the real headers.

        Its compilers run no longer than the limit in all. Cancelling ends them unless others wait for the same.
        """
        key = self._key(extension.digest, "real" if real else "any")
        entry = await in_thread(self._cache.find, key)
        if entry is not None:
            return self._made(key, entry, cached=True)
        while True:
            made = await self._making.join(key, lambda: self._make(key, extension, limit_s=limit_s, real=real))
            if not made.hurried(limit_s):
                return made

    def _key(self, *parts: object) -> Digest:
        return hashlib.sha256(canonical((self.identity, parts))).hexdigest()

    def _made(self, key: Digest, entry: Entry, *, cached: bool) -> Made:
        library = self._cache.folder(key) / LIBRARY if entry.outcome is BuildOutcome.BUILT else None
        return Made(entry, library, cached)

    async def _make(self, key: Digest, extension: Extension, *, limit_s: float, real: bool) -> Made:
        async with self._cache.locked(key):
            known = await in_thread(self._cache.find, key)
            if known is not None:
                return self._made(key, known, cached=True)
            with Place.new() as place:
                work = _Work(self, extension, place, limit_s)
                entry = await work.done(real=real)
                if not work.lasts:
                    return Made(entry, None, cached=False, lasts=False)
                files = {LIBRARY: place.made / LIBRARY} if entry.outcome is BuildOutcome.BUILT else {}
                entry = await in_thread(self._cache.keep, key, entry, files)
        await in_thread(self._cache.trim)
        return self._made(key, entry, cached=False)

    def recipe(self, extension: Extension, place: Place) -> Recipe:
        """How the extension is compiled here."""
        places, std = self._toolchain.places, self._toolchain.std
        return Recipe(extension, places, std, self._arch, self._slim, place.sources, place.made)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What a number of commands came to."""

    steps: tuple[Step, ...]

    @property
    def failed(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if not step.ok)

    def __add__(self, other: _Attempt) -> _Attempt:
        return _Attempt((*self.steps, *other.steps))


class _Work:
    """One extension being made in a folder."""

    def __init__(self, workshop: Workshop, extension: Extension, place: Place, limit_s: float) -> None:
        self._workshop = workshop
        self._extension = extension
        self._place = place
        self._allowance = Allowance(limit_s)
        self._recipe = workshop.recipe(extension, place)
        self._steps = _Attempt(())
        self.lasts = True
        """Whether the outcome is worth remembering."""

    async def done(self, *, real: bool) -> Entry:
        """Make it; what it came to."""
        problem = unusable(self._extension)
        if problem:
            return Entry(BuildOutcome.FAILED, "compiler_error", problem, 0.0)
        lay_out(self._extension, self._place.sources)
        if not real and may_suffice(
            (file.text for file in self._extension.files), self._recipe.slim / "standins"
        ):
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
        if behind:
            self._workshop.pieces.begin_support()
        compiled = await self._all(self._compile(unit, headers) for unit in self._recipe.units)
        if compiled.failed:
            return compiled
        archive = await self._workshop.pieces.support() if behind else None
        reads = () if archive is None else (archive.parent,)
        command = self._recipe.link(headers, archive)
        order = Order(command, _GB, self._allowance, LIBRARY, reads, file_bytes=_LIBRARY_BYTES)
        return await self._all([self._workshop.compilers.run(order, self._place)])

    async def _compile(self, unit: Unit, headers: Headers) -> Step:
        command = self._recipe.compile(unit, headers)
        return await self._run(command, memory=_memory(unit, headers), output=unit.object)

    async def _check(self, unit: Unit) -> Step:
        if unit.cuda or not self._recipe.places.gcc:
            return await self._checked(unit, ())
        first = await self._workshop.pieces.precompiled(self._recipe, unit)
        ending = Ending()
        copy = replace(unit, source=str(ending.copied(Path(unit.source))))
        step = ending.read(await self._checked(copy, first))
        if not step.ok or not first:
            return step
        self._steps += _Attempt((step,))
        return await self._checked(unit, first)  # what instantiations say costs a fifth of compiling, this way

    async def _checked(self, unit: Unit, first: tuple[Path, ...]) -> Step:
        command = self._recipe.check(unit, first=first)
        return await self._run(command, memory=_memory(unit, Headers.REAL), reads=first)

    async def _run(
        self, command: Sequence[str], *, memory: int, output: str | None = None, reads: tuple[Path, ...] = ()
    ) -> Step:
        return await self._workshop.compilers.run(
            Order(command, memory, self._allowance, output, reads), self._place
        )

    async def _all(self, commands: Iterable[Awaitable[Step]]) -> _Attempt:
        """Run them at once; the first to fail ends the others."""
        tasks = [asyncio.ensure_future(command) for command in commands]
        done: list[Step] = []
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

    def _entry(self, headers: Headers, failed: tuple[Step, ...]) -> Entry:
        self.lasts = all(step.lasts for step in failed)
        timed_out = any(step.ended.how is How.TIMED_OUT for step in failed)
        reason = "time_limit" if timed_out else "compiler_error" if failed else None
        outcome = BuildOutcome.TIMED_OUT if timed_out else BuildOutcome.FAILED if failed else BuildOutcome.BUILT
        steps = self._steps.steps
        words = "\n".join(step.words for step in failed)
        return Entry(
            outcome,
            reason,
            log=cut(tidy(words, shown=self._shown()), chars=_LOG_CHARS, mark=LEFT_OUT),
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


def _memory(unit: Unit, headers: Headers) -> int:
    """What a compiler may hold; half of it is what it is expected to."""
    if unit.cuda:
        return 6 * _GB if headers is Headers.REAL else 3 * _GB
    return 4 * _GB if headers is Headers.REAL else 2 * _GB


def _digest_of(places: Iterable[Path]) -> Digest:
    """The sha256 of files, and of all files in folders, with their names."""
    told = hashlib.sha256()
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else (place,):
            if path.is_file():
                told.update(f"{path.relative_to(place.parent)}\n".encode())
                told.update(path.read_bytes())
    return told.hexdigest()
