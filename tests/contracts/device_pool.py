"""What every `ports.DevicePool` does. A subclass named Test* makes the pools (devices: cpu:0 and on)."""

import asyncio
from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from caesar.effects import Condition
from caesar.errors import Fault
from caesar.ports import DevicePool

A_WHILE_S = 0.05
"""Long enough for a waiting task to be given a device that it should not get."""


class Hours:
    """A clock that a test sets, in seconds."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


class DevicePoolContract(ABC):
    """The contract suite of the port."""

    @abstractmethod
    def make_pool(self, count: int, *, folder: Path, clock: Hours) -> DevicePool:
        """A pool of so many devices, none of them held by anyone."""

    @pytest.fixture
    def clock(self):
        return Hours()

    @pytest.fixture
    def pool_of(self, tmp_path, clock):
        return lambda count: self.make_pool(count, folder=tmp_path / "locks", clock=clock)

    def test_a_free_device_is_granted(self, pool_of):
        grant = asyncio.run(pool_of(1).acquire("r:1.0:evaluate"))

        assert "cpu:0" == grant.device
        assert 0.0 == grant.waited_s

    def test_each_device_is_granted_once(self, pool_of):
        async def scenario():
            pool = pool_of(3)
            return [await pool.acquire(f"r:{turn}.0:evaluate") for turn in (1, 2, 3)]

        grants = asyncio.run(scenario())

        assert {"cpu:0", "cpu:1", "cpu:2"} == {grant.device for grant in grants}

    def test_nobody_gets_a_device_that_is_held(self, pool_of):
        async def scenario():
            pool = pool_of(1)
            await pool.acquire("holder")
            async with asyncio.timeout(A_WHILE_S):
                await pool.acquire("waiter")

        with pytest.raises(TimeoutError):
            asyncio.run(scenario())

    def test_a_released_device_goes_to_a_waiter(self, pool_of):
        async def scenario():
            pool = pool_of(1)
            first = await pool.acquire("holder")
            waiter = asyncio.create_task(pool.acquire("waiter"))
            await asyncio.sleep(0)
            await pool.release(first)
            return first, await waiter

        first, second = asyncio.run(scenario())

        assert first.device == second.device

    def test_tokens_of_a_device_grow_with_every_grant(self, pool_of):
        async def scenario():
            pool = pool_of(1)
            tokens = []
            for _ in range(4):
                grant = await pool.acquire("holder")
                tokens.append(grant.token)
                await pool.release(grant)
            return tokens

        tokens = asyncio.run(scenario())

        assert sorted(set(tokens)) == tokens

    def test_devices_are_given_in_the_order_in_which_they_were_asked_for(self, pool_of):
        async def scenario():
            pool = pool_of(1)
            served = []

            async def hold(name):
                grant = await pool.acquire(name)
                served.append(name)
                await pool.release(grant)

            first = await pool.acquire("holder")
            waiters = [asyncio.create_task(hold(name)) for name in "abcde"]
            await asyncio.sleep(A_WHILE_S)
            await pool.release(first)
            await asyncio.gather(*waiters)
            return served

        assert list("abcde") == asyncio.run(scenario())

    def test_nobody_who_asks_later_gets_past_a_waiter(self, pool_of):
        async def scenario():
            pool = pool_of(1)
            served = []

            async def hold(name):
                grant = await pool.acquire(name)
                served.append(name)
                await pool.release(grant)

            first = await pool.acquire("holder")
            waiter = asyncio.create_task(hold("waiter"))
            await asyncio.sleep(A_WHILE_S)
            await pool.release(first)
            await hold("newcomer")
            await waiter
            return served

        assert ["waiter", "newcomer"] == asyncio.run(scenario())

    def test_waiting_and_holding_are_told_in_seconds_of_the_clock(self, pool_of, clock):
        async def scenario():
            pool = pool_of(1)
            first = await pool.acquire("holder")
            waiter = asyncio.create_task(pool.acquire("waiter"))
            await asyncio.sleep(0)
            clock.now_s += 7.0
            held = await pool.release(first)
            return held, (await waiter).waited_s

        assert (7.0, 7.0) == asyncio.run(scenario())

    @pytest.mark.parametrize("cancelled", ["first in line", "second in line"])
    def test_cancelling_gives_the_place_up(self, pool_of, cancelled):
        async def scenario():
            pool = pool_of(1)
            held = await pool.acquire("holder")
            line = {
                name: asyncio.create_task(pool.acquire(name))
                for name in ("first in line", "second in line", "third in line")
            }
            await asyncio.sleep(A_WHILE_S)
            line.pop(cancelled).cancel()
            await pool.release(held)
            served = []
            for waiter in line.values():
                async with asyncio.timeout(5):
                    grant = await waiter
                served.append(grant.device)
                await pool.release(grant)
            return served

        assert ["cpu:0", "cpu:0"] == asyncio.run(scenario())

    def test_a_grant_can_be_given_back_only_once(self, pool_of):
        async def scenario():
            pool = pool_of(1)
            grant = await pool.acquire("holder")
            await pool.release(grant)
            await pool.release(grant)

        with pytest.raises(Fault, match="device cpu:0 is not held under token 1") as caught:
            asyncio.run(scenario())

        assert ("device", True) == (caught.value.kind, caught.value.permanent)

    def test_a_second_release_does_not_take_the_device_from_its_next_holder(self, pool_of):
        async def scenario():
            pool = pool_of(1)
            old = await pool.acquire("old holder")
            await pool.release(old)
            await pool.acquire("new holder")
            with pytest.raises(Fault):
                await pool.release(old)
            async with asyncio.timeout(A_WHILE_S):
                await pool.acquire("waiter")

        with pytest.raises(TimeoutError):
            asyncio.run(scenario())

    def test_the_event_loop_runs_on_while_somebody_waits(self, pool_of):
        async def scenario():
            pool = pool_of(1)
            await pool.acquire("holder")
            waiter = asyncio.create_task(pool.acquire("waiter"))
            async with asyncio.timeout(5):
                for _ in range(100):
                    await asyncio.sleep(0)
            waiting = not waiter.done()
            waiter.cancel()
            return waiting

        assert asyncio.run(scenario())

    def test_work_like_the_last_on_a_device_overtakes_for_a_bounded_while(self, pool_of):
        served = asyncio.run(_served_in_order(pool_of(1), ["other", *["same"] * 20]))

        first = served.index("other")
        assert 0 < first <= 8
        assert ["same"] * first == served[:first]

    def test_work_without_affinity_is_served_in_order(self, pool_of):
        served = asyncio.run(_served_in_order(pool_of(1), ["", "same", "", "other", ""], first=""))

        assert ["", "same", "", "other", ""] == served

    def test_a_device_given_back_after_a_hang_is_granted_again(self, pool_of):
        async def scenario():
            pool = pool_of(1)
            grant = await pool.acquire("holder")
            await pool.release(grant, condition=Condition.HUNG)
            async with asyncio.timeout(5):
                return grant.token, (await pool.acquire("next")).token

        first, second = asyncio.run(scenario())

        assert first + 1 == second

    @pytest.mark.parametrize("condition", [Condition.BROKEN, Condition.SURVIVORS])
    def test_a_device_given_back_broken_is_granted_to_nobody(self, pool_of, condition):
        async def scenario():
            pool = pool_of(2)
            broken = await pool.acquire("holder")
            await pool.release(broken, condition=condition)
            sound = [await _next_device(pool) for _ in range(3)]
            return broken.device, sound

        broken, sound = asyncio.run(scenario())

        assert {broken} != set(sound)
        assert 1 == len(set(sound))

    def test_where_every_device_is_in_quarantine_asking_is_a_fault(self, pool_of):
        async def scenario():
            pool = pool_of(1)
            grant = await pool.acquire("holder")
            waiter = asyncio.create_task(pool.acquire("waiter"))
            await asyncio.sleep(A_WHILE_S)
            await pool.release(grant, condition=Condition.BROKEN)
            async with asyncio.timeout(5):
                await waiter

        with pytest.raises(Fault, match="every device is in quarantine"):
            asyncio.run(scenario())


async def _next_device(pool):
    """The device that the next piece of work gets; given back at once."""
    async with asyncio.timeout(5):
        grant = await pool.acquire("next")
    await pool.release(grant)
    return grant.device


async def _served_in_order(pool, affinities, *, first="same"):
    """The affinities in the order in which a single device is given to them, after a first piece of work."""
    served = []

    async def hold(affinity):
        grant = await pool.acquire("work", affinity=affinity)
        served.append(affinity)
        await pool.release(grant)

    grant = await pool.acquire("holder", affinity=first)
    waiters = [asyncio.create_task(hold(affinity)) for affinity in affinities]
    await asyncio.sleep(A_WHILE_S)
    await pool.release(grant)
    await asyncio.gather(*waiters)
    return served
