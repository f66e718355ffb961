import asyncio
import hashlib
import os
import shutil
import signal
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from caesar.builders import cache as caches
from caesar.builders import pieces as module
from caesar.builders.cache import BuildCache
from caesar.builders.commands import Recipe
from caesar.builders.pieces import Pieces
from caesar.builders.steps import Order, Place, Step
from caesar.builders.toolchain import Places, Toolchain
from caesar.errors import Fault
from caesar.sandbox.extensions import Extension, File
from caesar.sandbox.job import Ended, How

PLACES = Places("c++", "ar", None, gcc=True, gold=False, torch=Path("/torch"), python=Path("/py"), cuda=None)
TOOLCHAIN = Toolchain("3.11", "2.0", ("c++",), PLACES)
TEXT = "// a comment\n#include <torch/extension.h>\n"


def ended(status: int, words: str = "") -> Step:
    return Step(Ended(How.EXITED, 0, (), words, 1.0), status, 1.0, 1)


@dataclass
class FakeCompilers:
    """Makes an empty output of each command, or ends like the next of `steps`."""

    steps: list[Step] = field(default_factory=list)
    ran: list[list[str]] = field(default_factory=list)

    async def run(self, order: Order, place: Place) -> Step:
        self.ran.append(list(order.command))
        step = self.steps.pop(0) if self.steps else ended(0)
        if step.ok:
            assert order.output
            (place.made / order.output).write_text("made")
        await asyncio.sleep(0)
        return step


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = BuildCache(folder / "cache")
        self.cache.prepare()
        self.compilers = FakeCompilers()

    def pieces(self) -> Pieces:
        """Those of another process, as far as memory goes."""
        return Pieces(
            cache=self.cache, compilers=self.compilers, toolchain=TOOLCHAIN, slim=Path("/slim"), key=key
        )

    def precompiled(self, pieces: Pieces, *flags: str, text: str = TEXT) -> Coroutine[Any, Any, tuple]:
        sources = self.folder / "sources"
        sources.mkdir(exist_ok=True)
        (sources / "main.cpp").write_text(text)
        extension = Extension("e", (File("main.cpp", text, compiled=True),), cflags=flags)
        recipe = Recipe(extension, PLACES, "c++20", None, Path("/slim"), sources, sources)
        return pieces.precompiled(recipe, recipe.units[0])


def key(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@pytest.fixture
def site(tmp_path, monkeypatch) -> Site:
    monkeypatch.setattr(module, "_CHECKS_WITHOUT", 0)
    return Site(tmp_path)


def run(scene: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(scene())


def test_the_library_behind_the_slim_headers_is_made_once(site):
    async def scene() -> list[Path]:
        first, second = site.pieces(), site.pieces()
        first.begin_support()
        return [await first.support(), await first.support(), await second.support()]

    (folder,) = set(run(scene))

    assert folder.read_text() == "made"
    assert 3 == len(site.compilers.ran)  # two sources and the archive


def test_a_piece_that_was_trimmed_while_in_use_is_made_again(site):
    async def scene() -> Path:
        pieces = site.pieces()
        lost = await pieces.support()
        caches._remove(lost.parent)
        return await pieces.support()

    assert run(scene).exists()
    assert 6 == len(site.compilers.ran)


def test_each_use_keeps_a_piece_from_being_trimmed(site):
    site.cache = BuildCache(site.folder / "cache", most_bytes=1)

    async def scene() -> Path:
        pieces = site.pieces()
        archive = await pieces.support()
        os.utime(archive.parent / caches.MARK, (1, 1))
        await pieces.support()
        site.cache.trim()
        return archive

    assert run(scene).exists()


def test_a_piece_is_read_once_in_a_process_and_beside_the_event_loop(site, monkeypatch):
    read: list[tuple[str, int]] = []
    digest = caches._digest
    monkeypatch.setattr(
        caches, "_digest", lambda path: (read.append((path.name, threading.get_ident())), digest(path))[1]
    )

    async def scene() -> None:
        await site.precompiled(site.pieces())
        pieces = site.pieces()
        read.clear()
        for _use in range(3):
            assert await site.precompiled(pieces)

    run(scene)

    assert ["extension.h", "extension.h.gch"] == sorted(name for name, _thread in read)
    assert threading.get_ident() not in {thread for _name, thread in read}


def test_a_piece_that_is_damaged_is_made_again(site):
    async def scene() -> Path:
        archive = await site.pieces().support()
        archive.chmod(0o644)
        archive.write_text("damaged")
        return await site.pieces().support()

    assert "made" == run(scene).read_text()


def test_a_library_that_cannot_be_made_is_a_fault_until_it_can(site):
    site.compilers.steps = [ended(1, "no space"), ended(0)]

    async def scene() -> Path:
        pieces = site.pieces()
        with pytest.raises(Fault, match="the slim headers' library could not be made: no space"):
            await pieces.support()
        return await pieces.support()

    assert run(scene).exists()


def test_giving_up_the_wait_does_not_end_what_others_will_need(site):
    async def scene() -> int:
        pieces = site.pieces()
        waiting = asyncio.create_task(pieces.support())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await pieces.support()
        return len(site.compilers.ran)

    assert 3 == run(scene)


def test_the_first_checks_go_without_a_precompiled_header(site, monkeypatch):
    monkeypatch.setattr(module, "_CHECKS_WITHOUT", 2)

    async def scene() -> list[bool]:
        return [bool(await site.precompiled(site.pieces())) for _check in range(4)]

    assert [False, False, True, True] == run(scene)
    assert 1 == len(site.compilers.ran)


@pytest.mark.parametrize(
    "text", ["", "#include <vector>\n" + TEXT, "#define X\n" + TEXT, "/* " + TEXT + " */", "int x;\n" + TEXT]
)
def test_a_source_that_begins_otherwise_has_no_use_for_a_precompiled_header(site, text):
    assert () == run(lambda: site.precompiled(site.pieces(), text=text))
    assert [] == site.compilers.ran


def test_flags_that_no_header_compiles_with_go_without_for_good(site):
    site.compilers.steps = [ended(1, "error: bad value 'odd' for '-march='")]

    async def scene() -> list[tuple]:
        pieces = site.pieces()
        flags = ("-march=odd",)
        return [await site.precompiled(each, *flags) for each in (pieces, pieces, site.pieces())]

    assert [(), (), ()] == run(scene)
    assert 1 == len(site.compilers.ran)


def test_a_header_whose_compiler_was_killed_is_tried_again_by_the_next_process_only(site):
    site.compilers.steps = [ended(-signal.SIGKILL)]

    async def scene() -> list[bool]:
        pieces = site.pieces()
        return [bool(await site.precompiled(each)) for each in (pieces, pieces, site.pieces())]

    assert [False, False, True] == run(scene)


def test_no_header_is_precompiled_where_there_is_no_room_for_it(site, monkeypatch):
    usage = type("Usage", (), {"free": 1 << 30})
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)

    assert () == run(lambda: site.precompiled(site.pieces()))
    assert [] == site.compilers.ran


def test_headers_are_precompiled_for_a_few_flags_only(site, monkeypatch):
    monkeypatch.setattr(module, "_MOST_HEADERS", 2)

    async def scene() -> list[bool]:
        pieces = site.pieces()
        flags = ("-fwrapv", "-fopenmp", "-frtti", "-fwrapv")
        return [bool(await site.precompiled(pieces, flag)) for flag in flags]

    assert [True, True, False, True] == run(scene)


@pytest.mark.parametrize(
    "text", ["/" * 4_000_000, "//\n" * 1_000_000, "\n" * 4_000_000, "#" + " " * 4_000_000, "// a\n\n" * 500_000]
)
def test_how_a_long_source_begins_is_seen_in_linear_time(site, text):
    """One that grows with the square of the length, or faster, would not end within hours."""
    assert () == run(lambda: site.precompiled(site.pieces(), text=text))
