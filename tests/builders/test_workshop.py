"""In which order an extension is tried; the compilers are scripted."""

import asyncio
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from caesar.builders.cache import BuildCache
from caesar.builders.capacity import Capacity
from caesar.builders.steps import Order, Place, Step
from caesar.builders.toolchain import Places, Toolchain
from caesar.builders.workshop import Made, Workshop
from caesar.domain import BuildOutcome
from caesar.sandbox.box import Tier
from caesar.sandbox.extensions import Extension, File
from caesar.sandbox.job import Ended, How
from caesar.sandbox.zygote import Zygote

EXTENSION = Extension("e", (File("main.cpp", "int x;\n", compiled=True),))
SLIM, CHECK, END, REAL, LINK = "slim", "whole check", "check to the end", "real", "link"


@dataclass
class FakeCompilers:
    """Fails what it is told to fail, and remembers what it ran."""

    fails: dict[str, int]
    """The status of each command that fails."""
    ran: list[str] = field(default_factory=list)

    async def run(self, order: Order, place: Place) -> Step:
        kind = kind_of(order.command)
        self.ran.append(kind)
        status = self.fails.get(kind, 0)
        if status == 0 and order.output:
            (place.made / order.output).write_text(kind)
        return Step(Ended(How.EXITED, 0, (), f"{kind} says no" if status else "", 1.0), status, 1.0, 1)


def kind_of(command: list[str]) -> str:
    if "-shared" in command:
        return LINK
    if "-fsyntax-only" in command:
        return END if "caesar-check" in command[-1] else CHECK
    return SLIM if "-include" in command else REAL


@dataclass
class FakePieces:
    folders: tuple[Path, ...]

    async def precompiled(self, _recipe, _unit) -> tuple[Path, ...]:
        return self.folders


def in_folder(folder: Path, *, gcc: bool = True) -> Workshop:
    places = Places("c++", "ar", None, gcc=gcc, gold=False, torch=folder, python=folder, cuda=None)
    workshop = Workshop(
        cache=BuildCache(folder / "cache"), zygote=Zygote(),
        toolchain=Toolchain("3.11", "2.0", ("c++",), places), arch=None, tier=Tier.NONE,
        capacity=Capacity(cores=1, memory_bytes=1),
    )  # fmt: skip
    workshop.pieces = FakePieces(())
    return workshop


@pytest.fixture
def make(tmp_path):
    """What the extension came to where some commands fail, and what was run for it."""

    def made(*, precompiled: bool = False, gcc: bool = True, **fails: int) -> tuple[Made, list[str]]:
        workshop = in_folder(tmp_path, gcc=gcc)
        compilers = FakeCompilers({name.replace("_", " "): status for name, status in fails.items()})
        workshop.compilers = compilers
        workshop.pieces = FakePieces((tmp_path,) if precompiled else ())
        return asyncio.run(workshop.make(EXTENSION, limit_s=1.0)), compilers.ran

    return made


def test_what_slim_headers_suffice_for_needs_no_other(make):
    made, ran = make()

    assert ([SLIM, LINK], BuildOutcome.BUILT, "slim") == (ran, made.entry.outcome, made.entry.headers)
    assert "link" == made.library.read_text()


def test_what_a_check_finds_is_the_log_and_nothing_is_compiled_any_more(make):
    made, ran = make(slim=1, check_to_the_end=1)

    assert ([SLIM, END], BuildOutcome.FAILED, "real") == (ran, made.entry.outcome, made.entry.headers)
    assert "check to the end says no" == made.entry.log


def test_a_check_that_finds_nothing_is_followed_by_the_whole_compile(make):
    made, ran = make(slim=1, real=1)

    assert ([SLIM, END, REAL], BuildOutcome.FAILED) == (ran, made.entry.outcome)
    assert "real says no" == made.entry.log


def test_with_a_precompiled_header_the_whole_source_is_checked_before_it_is_compiled(make):
    made, ran = make(slim=1, whole_check=1, precompiled=True)

    assert ([SLIM, END, CHECK], BuildOutcome.FAILED) == (ran, made.entry.outcome)
    assert "whole check says no" == made.entry.log
    assert 3.0 == made.entry.cpu_s


def test_with_a_precompiled_header_the_first_errors_are_enough(make):
    _made, ran = make(slim=1, check_to_the_end=1, precompiled=True)

    assert [SLIM, END] == ran


def test_what_no_check_finds_fault_with_is_built_with_the_real_headers(make):
    made, ran = make(slim=1, precompiled=True)

    assert [SLIM, END, CHECK, REAL, LINK] == ran
    assert (BuildOutcome.BUILT, "real") == (made.entry.outcome, made.entry.headers)


def test_another_compiler_than_gcc_checks_the_whole_source(make):
    _made, ran = make(slim=1, whole_check=1, gcc=False, precompiled=True)

    assert [SLIM, CHECK] == ran


def test_a_check_that_was_killed_is_a_failure_that_is_not_remembered(make):
    made, _ran = make(slim=1, check_to_the_end=-signal.SIGKILL)
    again, ran = make()

    assert (BuildOutcome.FAILED, False) == (made.entry.outcome, made.lasts)
    assert (BuildOutcome.BUILT, [SLIM, LINK]) == (again.entry.outcome, ran)


@dataclass
class HurriedCompilers(FakeCompilers):
    """Takes a second for each command once it may begin, and gives up where its time is less."""

    may_begin: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, order: Order, place: Place) -> Step:
        await self.may_begin.wait()
        if order.allowance.left_s < 1.0:
            self.ran.append("given up")
            return Step(Ended(How.TIMED_OUT, 0, (), "", order.allowance.left_s), -signal.SIGKILL, 0.0, 0)
        return order.allowance.spend(await super().run(order, place))


def test_who_has_more_time_does_not_fail_with_one_who_had_less(tmp_path):
    workshop = in_folder(tmp_path)
    compilers = workshop.compilers = HurriedCompilers({})

    async def joined(number: int) -> None:
        while [work.waiting for work in workshop._making._work.values()] != [number]:  # noqa: ASYNC110 - nobody tells who has joined
            await asyncio.sleep(0.001)

    async def scene() -> tuple[Made, Made]:
        short = asyncio.create_task(workshop.make(EXTENSION, limit_s=0.5))
        await joined(1)
        long = asyncio.create_task(workshop.make(EXTENSION, limit_s=10.0))
        await joined(2)
        compilers.may_begin.set()
        return await short, await long

    short, long = asyncio.run(scene())

    assert (BuildOutcome.TIMED_OUT, BuildOutcome.BUILT) == (short.entry.outcome, long.entry.outcome)
    assert [SLIM, LINK] == [kind for kind in compilers.ran if kind != "given up"]
