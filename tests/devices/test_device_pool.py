import asyncio
import threading

import pytest
from contracts.device_pool import DevicePoolContract

from caesar.devices.fake import MemoryDevicePool
from caesar.devices.inventory import Device
from caesar.devices.lease import holder, is_held, try_lease
from caesar.devices.pool import LockedDevicePool
from caesar.errors import Fault, UsageError


def cpus(count):
    return tuple(Device(f"cpu:{slot}", "a processor") for slot in range(count))


class TestLockedDevicePool(DevicePoolContract):
    def make_pool(self, count, *, folder, clock):
        return LockedDevicePool(cpus(count), folder=folder, clock=clock)


class TestMemoryDevicePool(DevicePoolContract):
    def make_pool(self, count, *, folder, clock):
        return MemoryDevicePool(count, clock=clock)


def test_a_memory_pool_without_devices_cannot_be_made():
    with pytest.raises(ValueError, match="at least 1 device, not 0"):
        MemoryDevicePool(0)


def test_a_pool_without_devices_is_refused(tmp_path):
    with pytest.raises(UsageError, match="there is no device to lease"):
        LockedDevicePool((), folder=tmp_path)


def test_a_device_named_twice_is_refused(tmp_path):
    with pytest.raises(UsageError, match="named twice among cpu:0, cpu:0"):
        LockedDevicePool(cpus(1) * 2, folder=tmp_path)


def test_two_pools_on_one_folder_exclude_each_other(tmp_path):
    async def scenario():
        async with (
            LockedDevicePool(cpus(1), folder=tmp_path) as one,
            LockedDevicePool(cpus(1), folder=tmp_path) as other,
        ):
            grant = await one.acquire("holder")
            waiter = asyncio.create_task(other.acquire("waiter"))
            finished, _ = await asyncio.wait({waiter}, timeout=0.05)
            await one.release(grant)
            return finished, grant.token, (await waiter).token

    finished, first, second = asyncio.run(scenario())

    assert set() == finished
    assert first + 1 == second


def test_pools_on_different_folders_know_nothing_of_each_other(tmp_path):
    async def scenario():
        one = LockedDevicePool(cpus(1), folder=tmp_path / "one")
        other = LockedDevicePool(cpus(1), folder=tmp_path / "other")
        async with one, other:
            return (await one.acquire("a")).device, (await other.acquire("b")).device

    assert ("cpu:0", "cpu:0") == asyncio.run(scenario())


def test_the_holder_of_a_granted_device_can_be_read(tmp_path):
    async def scenario():
        async with LockedDevicePool(cpus(1), folder=tmp_path) as pool:
            await pool.acquire("run/1/0:2.0:evaluate")
            return holder("cpu:0", folder=tmp_path)

    assert "run/1/0:2.0:evaluate" == asyncio.run(scenario()).request


def test_closing_gives_back_whatever_is_held(tmp_path):
    async def scenario():
        async with LockedDevicePool(cpus(2), folder=tmp_path) as pool:
            await pool.acquire("a")
            await pool.acquire("b")

    asyncio.run(scenario())

    assert (None, None) == (holder("cpu:0", folder=tmp_path), holder("cpu:1", folder=tmp_path))


def test_closing_ends_the_waiting_with_a_fault(tmp_path):
    async def scenario():
        pool = LockedDevicePool(cpus(1), folder=tmp_path)
        await pool.acquire("holder")
        waiters = [asyncio.create_task(pool.acquire(name)) for name in ("first", "second")]
        await asyncio.sleep(0.02)
        await pool.aclose()
        async with asyncio.timeout(5):
            return await asyncio.gather(*waiters, return_exceptions=True)

    ends = asyncio.run(scenario())

    assert [Fault, Fault] == [type(end) for end in ends]
    assert "the pool of devices is closed: nothing more can be leased" == str(ends[0])


def test_a_pool_whose_folder_vanished_answers_with_a_fault(tmp_path):
    pool = LockedDevicePool(cpus(1), folder=tmp_path / "locks")
    (tmp_path / "locks").rmdir()

    with pytest.raises(Fault, match=r"no device can be leased through .*locks: No such file"):
        asyncio.run(pool.acquire("holder"))


def test_who_waits_is_told_of_a_device_and_does_not_have_to_look(tmp_path, monkeypatch):
    monkeypatch.setattr("caesar.devices.search._FIRST_PAUSE_S", 60.0)
    monkeypatch.setattr("caesar.devices.search._LONGEST_PAUSE_S", 60.0)

    async def scenario():
        async with (
            LockedDevicePool(cpus(2), folder=tmp_path) as one,
            LockedDevicePool(cpus(2), folder=tmp_path) as other,
        ):
            held = [await one.acquire("holder") for _ in range(2)]
            waiter = asyncio.create_task(other.acquire("waiter"))
            await asyncio.sleep(0.1)
            await one.release(held[1])
            async with asyncio.timeout(10):
                return held[1].device, (await waiter).device

    given_up, granted = asyncio.run(scenario())

    assert given_up == granted


def test_a_device_that_is_found_too_late_is_given_back(tmp_path):
    async def scenario():
        pool = LockedDevicePool(cpus(1), folder=tmp_path)
        await pool.aclose()
        pool._found(try_lease("cpu:0", folder=tmp_path))

    asyncio.run(scenario())

    assert not is_held("cpu:0", folder=tmp_path)


def test_a_closed_pool_leaves_no_thread(tmp_path):
    async def scenario():
        async with LockedDevicePool(cpus(1), folder=tmp_path) as pool:
            await pool.acquire("one")
            (thread,) = (each for each in threading.enumerate() if each is pool._search._thread)
        return thread

    thread = asyncio.run(scenario())
    thread.join(timeout=10)

    assert not thread.is_alive()
