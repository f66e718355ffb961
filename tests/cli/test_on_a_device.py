"""The one way in which commands take a lease: in which condition a device is given back."""

from __future__ import annotations

import asyncio

import pytest

from caesar.cli.machinery import on_a_device
from caesar.devices.fake import MemoryDevicePool
from caesar.domain import Environment, Evaluation, Trust, Verdict
from caesar.effects import Condition, Evaluated
from caesar.errors import Fault

REQUEST = "RUN/1/0:2.0:evaluate"


class WatchedPool(MemoryDevicePool):
    """Remembers what its device was asked for, and how it came back."""

    def __init__(self):
        super().__init__(1)
        self.requests, self.conditions = [], []

    async def acquire(self, request, *, affinity=""):
        self.requests.append(request)
        return await super().acquire(request, affinity=affinity)

    async def release(self, grant, *, condition=Condition.SOUND):
        self.conditions.append(condition)
        return await super().release(grant, condition=condition)


class StalePool(WatchedPool):
    """Loses its device while it is held."""

    async def release(self, grant, *, condition=Condition.SOUND):
        await super().release(grant, condition=condition)
        raise Fault("device", f"device {grant.device} was lost while it was held")


def judged(verdict, reason=None):
    environment = Environment("cpu:0", "x", "none", None, "fp32", "none", Trust.NONE)
    return Evaluated(Evaluation(verdict, environment, "1", reason=reason))


@pytest.fixture
def pool():
    return WatchedPool()


def held(pool, work):
    return asyncio.run(on_a_device(pool, REQUEST, work))


@pytest.mark.parametrize(
    ("done", "condition"),
    [
        (judged(Verdict.INCORRECT, "values"), Condition.SOUND),
        (judged(Verdict.TIMED_OUT, "time_limit"), Condition.HUNG),
        ("a measurement", Condition.SOUND),
    ],
)
def test_what_came_of_the_work_says_in_which_condition_the_device_is_given_back(pool, done, condition):
    async def work(grant):
        return done

    assert done == held(pool, work)
    assert ([REQUEST], [condition]) == (pool.requests, pool.conditions)


@pytest.mark.parametrize(
    ("error", "condition"),
    [
        (Fault("hardware", "it broke"), Condition.BROKEN),
        (Fault("evaluator", "it failed"), Condition.SOUND),
        (ValueError("a defect"), Condition.HUNG),
        (asyncio.CancelledError(), Condition.HUNG),
    ],
)
def test_work_that_came_to_nothing_gives_its_device_back_too(pool, error, condition):
    async def work(grant):
        raise error

    with pytest.raises(type(error)):
        held(pool, work)

    assert [condition] == pool.conditions


def test_what_was_found_under_a_lost_lease_does_not_count():
    async def work(grant):
        return judged(Verdict.PASSED)

    with pytest.raises(Fault, match="lost while it was held"):
        held(StalePool(), work)


def test_who_waits_for_a_device_is_told_and_who_gets_it_at_once_is_not(pool, monkeypatch):
    told = []
    monkeypatch.setattr("caesar.cli.machinery._PATIENCE_S", 0.0)

    async def done(_grant):
        return judged(Verdict.INCORRECT, "values")

    async def scenario():
        is_told = asyncio.Event()
        monkeypatch.setattr("caesar.cli.machinery.note", lambda text: told.append(text) or is_told.set())
        first = await pool.acquire("another")
        waiting = asyncio.create_task(on_a_device(pool, REQUEST, done))
        await is_told.wait()
        await pool.release(first)
        return await waiting

    waited = asyncio.run(scenario())
    monkeypatch.setattr("caesar.cli.machinery._PATIENCE_S", 60.0)
    held(pool, done)

    assert "values" == waited.evaluation.reason
    assert ["waiting for a device; `caesar devices` says who holds it"] == told
