import asyncio

import pytest

from caesar.builders.capacity import Capacity


async def _most_at_once(capacity: Capacity, memory: int, jobs: int) -> int:
    running, most = 0, 0

    async def job() -> None:
        nonlocal running, most
        async with capacity.taken(memory):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(job() for _ in range(jobs)))
    return most


def test_no_more_run_at_once_than_there_are_cores():
    assert 3 == asyncio.run(_most_at_once(Capacity(cores=3, memory_bytes=1000), 1, 10))


def test_no_more_run_at_once_than_fit_in_memory():
    assert 2 == asyncio.run(_most_at_once(Capacity(cores=8, memory_bytes=1000), 400, 10))


def test_what_needs_more_than_there_is_runs_alone():
    assert 1 == asyncio.run(_most_at_once(Capacity(cores=8, memory_bytes=1000), 4000, 3))


def test_giving_up_the_wait_leaves_no_place_taken():
    async def story() -> int:
        capacity = Capacity(cores=1, memory_bytes=10)
        async with capacity.taken(1):
            waiting = asyncio.create_task(_most_at_once(capacity, 1, 1))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait({waiting})
        return await _most_at_once(capacity, 1, 2)

    assert 1 == asyncio.run(story())


def test_a_machine_has_a_core_and_memory():
    assert isinstance(Capacity.beside(0), Capacity)


@pytest.mark.parametrize(
    ("gpus", "cores", "builds_on"), [(1, 16, 14), (8, 16, 8), (1, 2, 1), (1, 1, 1), (3, 5, 3)]
)
def test_builds_leave_two_cores_to_each_gpu_but_half_of_them_at_most(monkeypatch, gpus, cores, builds_on):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4, 4 + cores)))

    assert tuple(range(4, 4 + builds_on)) == Capacity.beside(gpus).cpus


def test_builds_may_run_anywhere_where_no_gpu_is_timed():
    assert Capacity.beside(0).cpus is None
