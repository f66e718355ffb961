"""What extensions share, made once and kept in the cache: the slim headers' library, precompiled headers.

Pieces only save time: where one can't be had, extensions are built without it, or it is a fault.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from caesar.builders.cache import BuildCache, Entry
from caesar.builders.commands import Recipe, Unit
from caesar.builders.steps import Allowance, Compilers, Order, Place, Step
from caesar.builders.threads import in_thread
from caesar.builders.toolchain import Toolchain
from caesar.domain import BuildOutcome, Digest
from caesar.errors import Fault

__all__ = ["Pieces"]

_GB = 1 << 30
_SUPPORT = ("tensors.cpp", "binding.cpp", "cuda.cpp")
_ARCHIVE = "libcaesar_slim.a"
_HEADER = "torch/extension.h"
_BEGINS = re.compile(r'\s*+(?://.*+\s*+)*+#\s*+include\s*+[<"]torch/extension\.h[>"]')
_PRECOMPILED = "precompiled.gch"
_LIMIT_S = 1800.0
_CHECKS_WITHOUT = 3
"""How many checks go without a precompiled header: making it costs what it saves in as many."""
_HEADER_BYTES = 3 << 30
"""With less free space than this no header is precompiled: it takes 800 MB, up to three times over."""
_MOST_HEADERS = 6
"""How many headers one process precompiles: each takes a minute and 800 MB, and there is no end of flags."""
_WANTED = Entry(BuildOutcome.BUILT, None, "", 0.0)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What making a piece came to."""

    files: Mapping[str, Path]
    """By their names in its folder."""
    failed: Step | None = None
    """What it could not be made by."""


_Maker = Callable[[Place], Awaitable[_Piece]]


class Pieces:
    """The shared pieces of one toolchain, each made at its first need and looked after while it is used.

    A piece is read whole once in this process, beside the event loop. It is asked for before each use, because
    another process may have trimmed it; for an hour from then it stays.
    """

    def __init__(
        self,
        *,
        cache: BuildCache,
        compilers: Compilers,
        toolchain: Toolchain,
        slim: Path,
        key: Callable[..., Digest],
    ) -> None:
        self._cache = cache
        self._compilers = compilers
        self._toolchain = toolchain
        self._slim = slim
        self._key = key
        self._known: dict[Digest, Entry] = {}
        self._looking: dict[Digest, asyncio.Task[Entry]] = {}
        self._precompiled: set[Digest] = set()
        """The headers that this process began to precompile."""

    def begin_support(self) -> None:
        """Have the library behind the slim headers made, if it has to be, before somebody waits for it."""
        self._had(self._key("support"), self._make_support)

    async def support(self) -> Path:
        """The library behind the slim headers; Fault where it can't be made.

        Cancelling gives up the wait only: others will need it.
        """
        key = self._key("support")
        await asyncio.shield(self._had(key, self._make_support))
        return self._cache.folder(key) / _ARCHIVE

    async def precompiled(self, recipe: Recipe, unit: Unit) -> tuple[Path, ...]:
        """The folder to look in first for the real header, precompiled for flags like these; none without.

        A unit that begins with another header can't use it.
        It costs what it saves in three checks, so the first three of its flags go without; and so do all
        whose flags it can't be made with, which the candidate's own log will tell.
        """
        if not _begins_with_it(unit):
            return ()
        command = recipe.precompile(_HEADER, _PRECOMPILED)
        key = self._key("precompiled", command)
        known = key in self._known or self._cache.touch(key)
        if not known and not await self._worthwhile(key, command):
            return ()
        entry = await asyncio.shield(self._had(key, lambda place: self._precompile(recipe, place)))
        return (self._cache.folder(key),) if entry.outcome is BuildOutcome.BUILT else ()

    async def _worthwhile(self, key: Digest, command: list[str]) -> bool:
        """Whether a header was wanted often enough, and there is room for one more; counts this time."""
        for number in range(_CHECKS_WITHOUT):
            wanted = self._key("precompiled wanted", command, number)
            if self._cache.find(wanted) is None:
                async with self._cache.locked(wanted):
                    self._cache.keep(wanted, _WANTED, {})
                return False
        places = (str(self._cache.root), tempfile.gettempdir())
        if min(shutil.disk_usage(place).free for place in places) < _HEADER_BYTES:
            return False
        if len(self._precompiled | {key}) > _MOST_HEADERS:
            return False
        self._precompiled.add(key)
        return True

    def _had(self, key: Digest, make: _Maker) -> asyncio.Task[Entry]:
        """The piece's entry, once it is there; asked for by several, it is looked for once."""
        task = self._looking.get(key)
        if task is None:
            task = self._looking[key] = asyncio.create_task(self._have(key, make))
            task.add_done_callback(lambda done: self._ended(key, done))
        return task

    def _ended(self, key: Digest, task: asyncio.Task[Entry]) -> None:
        del self._looking[key]
        if not task.cancelled():
            task.exception()  # whoever waits is told; where nobody does, it is tried again at the next need

    async def _have(self, key: Digest, make: _Maker) -> Entry:
        known = self._known.get(key)
        if known is not None and (known.outcome is not BuildOutcome.BUILT or self._cache.touch(key)):
            return known
        async with self._cache.locked(key):
            entry = await in_thread(self._cache.find, key) or await self._made(key, make)
        self._known[key] = entry
        return entry

    async def _made(self, key: Digest, make: _Maker) -> Entry:
        with Place.new() as place:
            piece = await make(place)
            if piece.failed is None:
                return await in_thread(
                    self._cache.keep, key, Entry(BuildOutcome.BUILT, None, "", 0.0), piece.files
                )
        step = piece.failed
        entry = Entry(BuildOutcome.FAILED, "compiler_error", step.words, step.ended.seconds)
        return self._cache.keep(key, entry, {}) if step.lasts else entry

    async def _make_support(self, place: Place) -> _Piece:
        places = self._toolchain.places
        commands = {
            f"{name}.o": self._support_command(name) for name in _SUPPORT if places.cuda or name != "cuda.cpp"
        }
        compiled = [
            self._compilers.run(Order((*command, "-o", output), 3 * _GB, Allowance(_LIMIT_S), output), place)
            for output, command in commands.items()
        ]
        archive = [places.ar, "rcs", _ARCHIVE, *(str(place.made / output) for output in commands)]
        _require(await asyncio.gather(*compiled))
        _require([await self._compilers.run(Order(archive, _GB, Allowance(_LIMIT_S), _ARCHIVE), place)])
        return _Piece({_ARCHIVE: place.made / _ARCHIVE})

    def _support_command(self, name: str) -> list[str]:
        places = self._toolchain.places
        includes = [
            word for each in (self._slim / "include", *places.headers) for word in ("-isystem", str(each))
        ]
        level = "-O1"  # the first build waits for it: 1.5 s sooner than with -O2, for 0.05 us more a call
        options = [level, "-fPIC", "-ffunction-sections", "-fdata-sections", "-fvisibility=hidden"]
        source = str(self._slim / "support" / name)
        return [places.cxx, *options, f"-std={self._toolchain.std}", *includes, "-c", source]

    async def _precompile(self, recipe: Recipe, place: Place) -> _Piece:
        header = place.sources / "extension.h"
        header.write_text(f"#include_next <{_HEADER}>\n")
        command = recipe.precompile(str(header), _PRECOMPILED)
        order = Order(command, 4 * _GB, Allowance(_LIMIT_S), _PRECOMPILED, file_bytes=2 * _GB)
        step = await self._compilers.run(order, place)
        if not step.ok:  # the candidate's flags are in the command
            return _Piece({}, failed=step)
        return _Piece({_HEADER: header, f"{_HEADER}.gch": place.made / _PRECOMPILED})


def _begins_with_it(unit: Unit) -> bool:
    return _BEGINS.match(Path(unit.source).read_text(errors="replace")) is not None


def _require(steps: list[Step]) -> None:
    for step in steps:
        if not step.ok:
            said = step.ended.output.strip()[-600:]
            raise Fault("builder", f"the slim headers' library could not be made: {said}")
