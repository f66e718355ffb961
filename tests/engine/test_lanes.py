"""Places for work: never more than there are, in the order they were asked for."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.engine.lanes import Capacity, Share


async def work(lane: Share, name: str, log: list[str], *, steps: int = 3) -> None:
    async with lane:
        log.append(f"+{name}")
        for _ in range(steps):
            await asyncio.sleep(0)
        log.append(f"-{name}")


async def together(*works: tuple[Share, str], log: list[str]) -> None:
    await asyncio.gather(*(work(lane, name, log) for lane, name in works))


def test_an_exclusive_share_waits_for_those_before_it_and_holds_up_those_after():
    log: list[str] = []
    capacity = Capacity(2)
    build, evaluate = capacity.share(1), capacity.share()

    asyncio.run(together((build, "b1"), (build, "b2"), (evaluate, "e"), (build, "b3"), log=log))

    assert ["+b1", "+b2", "-b1", "-b2", "+e", "-e", "+b3", "-b3"] == log


@given(st.integers(1, 4), st.lists(st.booleans(), max_size=20))
def test_no_more_than_all_units_are_ever_taken_and_all_work_is_done(units, exclusive):
    log: list[str] = []
    capacity = Capacity(units)
    weights = [units if whole else 1 for whole in exclusive]
    works = [(capacity.share(weight), str(number)) for number, weight in enumerate(weights)]

    asyncio.run(together(*works, log=log))

    taken = 0
    for line in log:
        taken += weights[int(line[1:])] * (1 if line[0] == "+" else -1)
        assert 0 <= taken <= units
    assert [str(number) for number in range(len(works))] == [line[1:] for line in log if line[0] == "+"]


def test_cancelling_who_waits_lets_the_next_in():
    async def story() -> list[str]:
        log: list[str] = []
        capacity = Capacity(2)
        build, evaluate = capacity.share(1), capacity.share()
        async with build:
            waiting = asyncio.create_task(work(evaluate, "e", log))
            behind = asyncio.create_task(work(build, "b", log))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, behind, return_exceptions=True)
        return log

    assert ["+b", "-b"] == asyncio.run(story())


def test_cancelling_who_was_just_admitted_gives_the_place_back():
    async def story() -> list[str]:
        log: list[str] = []
        capacity = Capacity(1)
        await capacity.take(capacity.share(1))
        admitted = asyncio.create_task(work(capacity.share(), "first", log))
        await asyncio.sleep(0)
        capacity.give(capacity.share(1))
        admitted.cancel()
        await asyncio.gather(admitted, return_exceptions=True)
        await work(capacity.share(), "second", log)
        return log

    assert ["+second", "-second"] == asyncio.run(asyncio.wait_for(story(), timeout=5))


def test_a_place_is_not_given_to_one_who_was_cancelled_in_the_same_step():
    async def story() -> list[str]:
        log: list[str] = []
        capacity = Capacity(1)
        await capacity.take(capacity.share(1))
        cancelled = asyncio.create_task(work(capacity.share(), "gone", log))
        behind = asyncio.create_task(work(capacity.share(), "next", log))
        await asyncio.sleep(0)
        cancelled.cancel()
        capacity.give(capacity.share(1))
        await asyncio.gather(cancelled, behind, return_exceptions=True)
        return log

    assert ["+next", "-next"] == asyncio.run(asyncio.wait_for(story(), timeout=5))


def test_work_that_raises_gives_its_place_back():
    async def story() -> None:
        capacity = Capacity(1)
        with pytest.raises(ZeroDivisionError):
            async with capacity.share():
                raise ZeroDivisionError
        async with capacity.share():
            pass

    asyncio.run(asyncio.wait_for(story(), timeout=5))


@pytest.mark.parametrize("units", [0, 3])
def test_a_share_fits_its_capacity(units):
    with pytest.raises(ValueError, match="1 to 2 units"):
        Capacity(2).share(units)


def test_a_capacity_is_not_empty():
    with pytest.raises(ValueError, match="at least one"):
        Capacity(0)


def test_slots_are_used_side_by_side_and_nothing_is_built_meanwhile():
    log: list[str] = []
    capacity = Capacity(2)
    build, evaluate = capacity.share(1), capacity.share(at_once=2)

    asyncio.run(together((evaluate, "e1"), (evaluate, "e2"), (evaluate, "e3"), (build, "b"), log=log))

    assert ["+e1", "+e2", "-e1", "-e2", "+e3", "-e3", "+b", "-b"] == log


def test_an_evaluation_may_join_those_under_way_past_a_build_but_not_for_ever():
    log: list[str] = []
    capacity = Capacity(2)
    build, evaluate = capacity.share(1), capacity.share(at_once=2)
    evaluations = [(evaluate, f"e{number}") for number in range(30)]

    asyncio.run(together(evaluations[0], (build, "b"), *evaluations[1:], log=log))

    before = [line for line in log[: log.index("+b")] if line.startswith("+")]
    assert 1 < len(before) <= 10
    assert 31 == len([line for line in log if line.startswith("-")])


def test_evaluations_of_one_problem_come_one_after_the_other_for_a_bounded_while():
    log: list[str] = []
    lane = Capacity(2).share()
    works = [(lane.of("first"), "a0"), (lane.of("second"), "b0")]
    works += [(lane.of("first"), f"a{number}") for number in range(1, 20)]

    asyncio.run(together(*works, log=log))

    order = [line[1:] for line in log if line.startswith("+")]
    assert ["a0", "a1", "a2"] == order[:3]
    assert 1 < order.index("b0") <= 9
    assert {name for _, name in works} == set(order)
