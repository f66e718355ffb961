"""How long commands may run and what is taken of what they leave; the zygote is scripted."""

import asyncio
import json
from pathlib import Path

import pytest

from caesar.builders.capacity import Capacity
from caesar.builders.steps import Allowance, Compilers, Order, Place, Step
from caesar.sandbox.box import Tier
from caesar.sandbox.job import Ended, How, Job

LIMIT_S = 10.0


class FakeZygote:
    """Runs each job for some seconds, as its clock says, and leaves a file."""

    def __init__(self, seconds: float, left: bytes | None = None) -> None:
        self.seconds, self.left = seconds, left
        self.jobs: list[Job] = []

    async def run(self, job: Job) -> Ended:
        self.jobs.append(job)
        if self.seconds >= job.limit_s:
            return Ended(How.TIMED_OUT, 0, (), "", job.limit_s)
        if self.left is not None:
            (job.folder / "a.o").write_bytes(self.left)
        said = json.dumps({"status": 0, "cpu_s": 1.0, "peak_bytes": 1}).encode()
        return Ended(How.EXITED, 0, (said,), "", self.seconds)


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


def test_folder_of_a_command_is_below_its_place(place: Place):
    zygote = FakeZygote(1.0)

    asyncio.run(compilers(zygote).run(Order(["c++"], 1, Allowance(LIMIT_S)), place))

    assert Path(place.root) == zygote.jobs[0].folder.parent
