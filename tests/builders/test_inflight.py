import asyncio

from caesar.builders.inflight import InFlight


class Work:
    """Counts its starts and ends, and lasts until it is let go."""

    def __init__(self) -> None:
        self.started = self.cancelled = 0
        self.let_go = asyncio.Event()

    async def __call__(self) -> str:
        self.started += 1
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return "done"


def test_the_same_work_is_done_once_for_all_who_wait():
    async def scene():
        work, inflight = Work(), InFlight()
        waiters = [asyncio.create_task(inflight.join("key", work)) for _ in range(3)]
        await asyncio.sleep(0)
        work.let_go.set()
        return await asyncio.gather(*waiters), work.started

    assert (["done"] * 3, 1) == asyncio.run(scene())


def test_other_work_is_done_beside_it():
    async def scene():
        work, inflight = Work(), InFlight()
        work.let_go.set()
        await asyncio.gather(inflight.join("one", work), inflight.join("two", work))
        return work.started

    assert 2 == asyncio.run(scene())


def test_work_is_done_anew_once_it_was_finished():
    async def scene():
        work, inflight = Work(), InFlight()
        work.let_go.set()
        await inflight.join("key", work)
        await inflight.join("key", work)
        return work.started

    assert 2 == asyncio.run(scene())


def test_cancelling_one_of_two_leaves_the_other_its_result():
    async def scene():
        work, inflight = Work(), InFlight()
        leaving, staying = (asyncio.create_task(inflight.join("key", work)) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait({leaving})
        work.let_go.set()
        return await staying, leaving.cancelled(), work.cancelled

    assert ("done", True, 0) == asyncio.run(scene())


def test_the_last_to_cancel_ends_the_work_before_it_leaves():
    async def scene():
        work, inflight = Work(), InFlight()
        waiters = [asyncio.create_task(inflight.join("key", work)) for _ in range(2)]
        await asyncio.sleep(0)
        for waiter in waiters:
            waiter.cancel()
        await asyncio.wait(waiters)
        return work.cancelled, [waiter.cancelled() for waiter in waiters]

    assert (1, [True, True]) == asyncio.run(scene())


def test_a_failure_reaches_all_who_wait():
    async def fail():
        await asyncio.sleep(0)
        raise LookupError("as scripted")

    async def scene():
        inflight = InFlight()
        return await asyncio.gather(*(inflight.join("key", fail) for _ in range(2)), return_exceptions=True)

    assert ["as scripted"] * 2 == [str(error) for error in asyncio.run(scene())]


def test_whoever_comes_after_the_last_has_cancelled_starts_anew():
    async def scene():
        work, inflight = Work(), InFlight()
        first = asyncio.create_task(inflight.join("key", work))
        await asyncio.sleep(0)
        first.cancel()
        second = asyncio.create_task(inflight.join("key", work))
        await asyncio.wait({first})
        work.let_go.set()
        return await second, work.started

    assert "done" == asyncio.run(scene())[0]
