"""How long commands may run and what is taken of what they leave; the zygote is scripted."""

import asyncio
import json
from pathlib import Path

import pytest

from caesar.builders import steps as module
from caesar.builders.capacity import Capacity
from caesar.builders.steps import Allowance, Compilers, Order, Place, Step
from caesar.sandbox.box import Tier
from caesar.sandbox.job import Ended, How, Job

LIMIT_S = 10.0


class FakeZygote:
    """Runs each job for some seconds, as its clock says, and leaves a file."""

    def __init__(self, seconds: float, left: bytes | None = None, *, status: int = 0, output: str = "") -> None:
        self.seconds, self.left, self.status, self.output = seconds, left, status, output
        self.jobs: list[Job] = []

    async def run(self, job: Job) -> Ended:
        self.jobs.append(job)
        if self.seconds >= job.limit_s:
            return Ended(How.TIMED_OUT, 0, (), "", job.limit_s)
        if self.left is not None:
            (job.folder / "a.o").write_bytes(self.left)
        said = json.dumps({"status": self.status, "cpu_s": 1.0, "peak_bytes": 1}).encode()
        return Ended(How.EXITED, 0, (said,), self.output, self.seconds)


def compilers(zygote: FakeZygote) -> Compilers:
    return Compilers(zygote, Tier.NONE, Capacity(cores=1, memory_bytes=1), ())


def ran(zygote: FakeZygote, *orders: Order) -> list[Step]:
    async def scene(place: Place) -> list[Step]:
        return await asyncio.gather(*(compilers(zygote).run(order, place) for order in orders))

    with Place.new() as place:
        return asyncio.run(scene(place))


def test_commands_of_one_build_have_its_time_together():
    zygote = FakeZygote(seconds=4.0)

    steps = ran(zygote, *[Order(["c++"], 1, Allowance(LIMIT_S))] * 5)

    assert [True, True, False, False, False] == [step.ok for step in steps]
    assert [10.0, 6.0, 2.0] == [job.limit_s for job in zygote.jobs]
    assert all("ended at the time limit" in step.words for step in steps[2:])


@pytest.fixture
def place():
    with Place.new() as made:
        yield made


def test_what_a_command_leaves_is_taken(place: Place):
    order = Order(["c++"], 1, Allowance(LIMIT_S), "a.o")

    step = asyncio.run(compilers(FakeZygote(1.0, b"object")).run(order, place))

    assert step.ok
    assert b"object" == (place.made / "a.o").read_bytes()


def test_the_folder_of_a_command_is_gone_once_its_output_is_taken(place: Place):
    zygote = FakeZygote(1.0, b"object")

    asyncio.run(compilers(zygote).run(Order(["c++"], 1, Allowance(LIMIT_S), "a.o"), place))

    assert Path(place.root) == zygote.jobs[0].folder.parent
    assert {place.made, place.sources} == set(place.root.iterdir())


def test_a_compilers_files_are_bounded(place: Place):
    zygote = FakeZygote(1.0, b"object")

    asyncio.run(compilers(zygote).run(Order(["c++"], 1, Allowance(LIMIT_S), file_bytes=1000), place))
    asyncio.run(compilers(zygote).run(Order(["c++"], 1, Allowance(LIMIT_S)), place))

    assert [1000, 512 << 20] == [job.box.file_bytes for job in zygote.jobs]


def test_what_is_made_in_one_place_is_bounded(place: Place, monkeypatch):
    monkeypatch.setattr(module, "_MADE_BYTES", 10)
    (place.made / "b.o").write_bytes(b"12345")

    step = asyncio.run(
        compilers(FakeZygote(1.0, b"object")).run(Order(["c++"], 1, Allowance(LIMIT_S), "a.o"), place)
    )

    assert not step.ok
    assert step.lasts
    assert "error: what is made is larger than" in step.words
    assert ["b.o"] == [path.name for path in place.made.iterdir()]


def test_a_compiler_that_leaves_nothing_has_failed(place: Place):
    step = asyncio.run(compilers(FakeZygote(1.0)).run(Order(["c++"], 1, Allowance(LIMIT_S), "a.o"), place))

    assert not step.ok
    assert "error: the compiler left no a.o" in step.words


@pytest.mark.parametrize("words", ["as: No space left on device", "ld: a.so: File too large"])
def test_a_file_that_reached_its_bound_is_said(place: Place, words):
    order = Order(["c++"], 1, Allowance(LIMIT_S), "a.o", file_bytes=3 << 20)

    step = asyncio.run(compilers(FakeZygote(1.0, status=1, output=words)).run(order, place))

    assert f"{words}\nerror: no file of a compiler's may be larger than 3 MiB here" == step.words
