import asyncio
import os
from contextlib import AsyncExitStack

import pytest

from caesar.cli.run import _lanes
from caesar.effects import Backend
from caesar.fsm.spec import Concurrency


async def at_once(lane, most=100):
    """How many get into a lane without waiting."""
    async with AsyncExitStack() as stack:
        for number in range(most):
            try:
                async with asyncio.timeout(0.01):
                    await stack.enter_async_context(lane)
            except TimeoutError:
                return number
    return most


@pytest.mark.parametrize(("concurrency", "builds"), [(Concurrency(), 8), (Concurrency(builds=3), 3)])
def test_more_builds_are_under_way_than_there_are_cores_unless_the_spec_says_how_many(
    monkeypatch, concurrency, builds
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})

    lanes = _lanes(concurrency, backend=Backend.CPU, devices=1)

    assert builds == asyncio.run(at_once(lanes.builds))


def test_on_the_cpu_one_build_keeps_evaluations_out():
    async def evaluations_beside_a_build():
        lanes = _lanes(Concurrency(), backend=Backend.CPU, devices=1)
        async with lanes.builds:
            return await at_once(lanes.devices)

    assert 0 == asyncio.run(evaluations_beside_a_build())
