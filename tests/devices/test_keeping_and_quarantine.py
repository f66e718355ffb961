"""What a pool does between two pieces of work, after a bad end, and after another process's death."""

import asyncio

import pytest

from caesar.devices import journal
from caesar.devices.inventory import Device
from caesar.devices.journal import What
from caesar.devices.lease import holder, is_held, try_lease
from caesar.devices.pool import LockedDevicePool
from caesar.devices.processes import Process
from caesar.devices.quarantine import read_quarantine
from caesar.devices.state import Doing, Holder, State, write_state
from caesar.devices.turnstile import lines
from caesar.effects import Condition
from caesar.errors import Fault

CPU = (Device("cpu:0", "a processor"),)
SOON_S = 60.0


class Vacated:
    """Remembers which devices were vacated, and whether their lock was still held then."""

    def __init__(self, folder):
        self.folder = folder
        self.seen = []

    async def __call__(self, device):
        self.seen.append((device, is_held(device, folder=self.folder)))


def probing(answer, seen):
    async def probe(device):
        seen.append(device.id)
        return answer

    return probe


async def until(condition):
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110 - it is another process's file that changes
            await asyncio.sleep(0.005)


def in_line(folder):
    """How many pools stand in line."""
    return sum(line.waiting for line in lines(folder))


def whats(folder):
    return [entry.what for entry in journal.entries(folder)]


def test_a_device_is_kept_for_the_next_piece_of_work_and_its_lock_never_dropped(tmp_path):
    vacated = Vacated(tmp_path)

    async def scenario():
        async with LockedDevicePool(CPU, folder=tmp_path, vacate=vacated, keep_s=60) as pool:
            first = await pool.acquire("one")
            await pool.release(first)
            kept = holder("cpu:0", folder=tmp_path).doing
            second = await pool.acquire("two")
            before_closing = list(vacated.seen)
            return first.token, second.token, kept, before_closing

    assert (1, 2, Doing.KEEPING, []) == asyncio.run(scenario())


def test_a_kept_device_is_vacated_before_its_lock_is_given_up(tmp_path):
    vacated = Vacated(tmp_path)

    async def scenario():
        async with LockedDevicePool(CPU, folder=tmp_path, vacate=vacated, keep_s=0.01) as pool:
            await pool.release(await pool.acquire("one"))
            await until(lambda: not is_held("cpu:0", folder=tmp_path))
            return list(vacated.seen)

    assert [("cpu:0", True)] == asyncio.run(scenario())


def test_a_kept_device_is_given_up_as_soon_as_another_process_waits(tmp_path):
    vacated = Vacated(tmp_path)

    async def scenario():
        async with (
            LockedDevicePool(CPU, folder=tmp_path, vacate=vacated, keep_s=600) as one,
            LockedDevicePool(CPU, folder=tmp_path) as other,
        ):
            await one.release(await one.acquire("mine"))
            async with asyncio.timeout(SOON_S):
                grant = await other.acquire("theirs")
            return grant.token, list(vacated.seen)

    assert (2, [("cpu:0", True)]) == asyncio.run(scenario())


def test_processes_that_want_one_device_take_turns_though_each_has_more_work(tmp_path):
    served = []

    async def work(pool, name):
        grant = await pool.acquire(name)
        served.append(name)
        await until(lambda: in_line(tmp_path) or not left() - {name})
        await pool.release(grant)

    def left():
        return {name for name in ("one", "other") if served.count(name) < 4}

    async def scenario():
        async with (
            LockedDevicePool(CPU, folder=tmp_path) as one,
            LockedDevicePool(CPU, folder=tmp_path) as other,
        ):
            pools = {"one": one, "other": other}
            await asyncio.gather(*(work(pools[name], name) for name in 4 * ("one", "other")))

    asyncio.run(scenario())

    assert {"one": 4, "other": 4} == {name: served.count(name) for name in ("one", "other")}
    assert all(served[place : place + 3] != 3 * [served[place]] for place in range(6))


def test_who_waits_for_one_device_does_not_hold_up_who_wants_another(tmp_path):
    two = (*CPU, Device("cpu:1", "a processor"))

    async def scenario():
        async with (
            LockedDevicePool(CPU, folder=tmp_path) as holding,
            LockedDevicePool(CPU, folder=tmp_path) as waiting,
            LockedDevicePool(two[1:], folder=tmp_path) as elsewhere,
            LockedDevicePool(two, folder=tmp_path) as either,
        ):
            await holding.acquire("holder")
            waiter = asyncio.create_task(waiting.acquire("waiter"))
            await until(lambda: in_line(tmp_path))
            async with asyncio.timeout(SOON_S):
                second = await elsewhere.acquire("elsewhere")
                await elsewhere.release(second)
                third = await either.acquire("either")
            waiter.cancel()
            return second.device, third.device

    assert ("cpu:1", "cpu:1") == asyncio.run(scenario())


def test_a_hung_device_is_vacated_and_probed_before_it_is_given_again(tmp_path):
    vacated, probed = Vacated(tmp_path), []

    async def scenario():
        pool = LockedDevicePool(CPU, folder=tmp_path, vacate=vacated, probe=probing(None, probed))
        async with pool:
            await pool.release(await pool.acquire("hangs"), condition=Condition.HUNG)
            await pool.release(await pool.acquire("next"))
            return list(vacated.seen), list(probed)

    assert ([("cpu:0", True)], ["cpu:0"]) == asyncio.run(scenario())


def test_a_sound_device_is_not_probed(tmp_path):
    probed = []

    async def scenario():
        async with LockedDevicePool(CPU, folder=tmp_path, probe=probing(None, probed)) as pool:
            await pool.release(await pool.acquire("one"))
            await pool.release(await pool.acquire("two"))

    asyncio.run(scenario())

    assert [] == probed


def test_a_device_that_fails_its_probe_goes_into_quarantine_with_the_reason(tmp_path):
    async def scenario():
        async with LockedDevicePool(CPU, folder=tmp_path, probe=probing("it is on fire", [])) as pool:
            await pool.release(await pool.acquire("hangs"), condition=Condition.HUNG)
            with pytest.raises(Fault, match=r"every device is in quarantine \(cpu:0: it is on fire\)"):
                await pool.acquire("next")

    asyncio.run(scenario())

    assert "it is on fire" == read_quarantine(tmp_path, "cpu:0").reason
    assert [What.GRANT, What.RELEASE, What.QUARANTINE] == whats(tmp_path)


def test_a_probe_that_does_not_end_is_a_failed_one(tmp_path, monkeypatch):
    monkeypatch.setattr("caesar.devices.pool._PROBE_S", 0.05)

    async def endless(device):
        await asyncio.sleep(3600)

    async def scenario():
        async with LockedDevicePool(CPU, folder=tmp_path, probe=endless) as pool:
            await pool.release(await pool.acquire("hangs"), condition=Condition.HUNG)

    asyncio.run(scenario())

    assert "its probe did not end in 0.05 s" == read_quarantine(tmp_path, "cpu:0").reason


def test_a_quarantine_holds_for_other_processes_and_ends_when_it_is_lifted(tmp_path):
    async def broken():
        async with LockedDevicePool(CPU, folder=tmp_path) as pool:
            await pool.release(await pool.acquire("breaks it"), condition=Condition.BROKEN)

    async def asked():
        async with LockedDevicePool(CPU, folder=tmp_path) as pool:
            return (await pool.acquire("next")).token

    asyncio.run(broken())
    with pytest.raises(Fault, match="every device is in quarantine"):
        asyncio.run(asked())
    lease = try_lease("cpu:0", folder=tmp_path, quarantined=True)
    lease.lift("looked at")
    lease.end()

    assert 2 == asyncio.run(asked())


def left_behind(folder, process):
    """What a holder that was killed leaves: its grant in journal and state, the lock free."""
    lease = try_lease("cpu:0", folder=folder, process=process)
    lease.grant("killed in the middle", waited_s=0.0, alone=None)
    lease._lock.drop()


GONE = Process(pid=2**22 + 1, start_time=1, boot="another boot")


def test_a_dead_holders_grant_is_reclaimed_and_its_device_probed_before_the_next(tmp_path):
    left_behind(tmp_path, GONE)
    probed = []

    async def scenario():
        async with LockedDevicePool(CPU, folder=tmp_path, probe=probing(None, probed)) as pool:
            return (await pool.acquire("next")).token

    assert 2 == asyncio.run(scenario())
    assert ["cpu:0"] == probed
    assert [What.GRANT, What.RECLAIM, What.GRANT, What.RELEASE] == whats(tmp_path)


def test_who_was_served_by_a_dead_holders_device_takes_no_other_when_its_turn_comes(tmp_path):
    two = (*CPU, Device("cpu:1", "a processor"))
    vacated = Vacated(tmp_path)
    dying, working = (try_lease(each.id, folder=tmp_path, process=GONE) for each in two)
    dying.grant("killed in the middle", waited_s=0.0, alone=None)

    async def scenario():
        async with (
            LockedDevicePool(two, folder=tmp_path) as one,
            LockedDevicePool(two, folder=tmp_path, vacate=vacated, keep_s=60) as other,
        ):
            first = asyncio.create_task(one.acquire("first"))
            await until(lambda: in_line(tmp_path) == 1)
            second = asyncio.create_task(other.acquire("second"))
            await until(lambda: in_line(tmp_path) == 2)
            dying._lock.drop()  # while it is cleaned up after, `one` stands in line again, behind `other`
            async with asyncio.timeout(SOON_S):
                await first
                working.end()
                grant = await second
                await until(lambda: not in_line(tmp_path))  # `one` came to its turn, and left
                await other.release(grant)
            await asyncio.sleep(0.2)
            return list(vacated.seen)

    assert [] == asyncio.run(scenario())


def test_a_device_that_nobody_here_wants_any_more_is_passed_on_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("caesar.devices.pool._POLL_S", 600.0)
    lease = try_lease("cpu:0", folder=tmp_path)

    async def scenario():
        async with (
            LockedDevicePool(CPU, folder=tmp_path) as one,
            LockedDevicePool(CPU, folder=tmp_path) as other,
        ):
            waiter = asyncio.create_task(other.acquire("waiter"))
            await until(
                lambda: any(line.devices for line in lines(tmp_path))
            )  # it stands there, and says for what
            one._found(lease)
            async with asyncio.timeout(SOON_S):
                return (await waiter).device

    assert "cpu:0" == asyncio.run(scenario())


def test_what_a_dead_holder_left_is_waited_for_and_if_it_does_not_die_the_device_is_not_given(
    tmp_path, monkeypatch
):
    left_behind(tmp_path, GONE)
    monkeypatch.setattr("caesar.devices.pool.end_marked", lambda process, *, within_s: (4711,))

    async def scenario():
        async with LockedDevicePool(CPU, folder=tmp_path) as pool:
            await pool.acquire("next")

    with pytest.raises(Fault, match="process 4711 of a holder that died survived SIGKILL"):
        asyncio.run(scenario())
    assert [What.GRANT, What.RECLAIM, What.QUARANTINE] == whats(tmp_path)


def test_a_result_is_refused_whose_lease_was_lost_meanwhile(tmp_path):
    async def scenario():
        async with LockedDevicePool(CPU, folder=tmp_path) as pool:
            grant = await pool.acquire("one")
            write_state(tmp_path, "cpu:0", State(grant.token + 1, Holder(GONE, 0, Doing.WORKING, "r", 0)))
            await pool.release(grant)

    with pytest.raises(Fault, match="device cpu:0 was lost while it was held under token 1") as caught:
        asyncio.run(scenario())

    assert not caught.value.permanent


def test_waiting_has_a_deadline_which_is_a_fault_and_gives_the_place_up(tmp_path):
    async def scenario():
        async with (
            LockedDevicePool(CPU, folder=tmp_path) as patient,
            LockedDevicePool(CPU, folder=tmp_path, deadline_s=0.05) as hasty,
        ):
            grant = await patient.acquire("holder")
            with pytest.raises(Fault, match=r"no device was free within 0\.05 s") as caught:
                await hasty.acquire("waiter")
            await patient.release(grant)
            return caught.value.permanent, (await patient.acquire("next")).token

    assert (False, 2) == asyncio.run(scenario())


@pytest.mark.parametrize(("found", "alone"), [((), True), ((99,), False), (None, None)])
def test_a_grant_says_whether_the_device_was_alone(tmp_path, found, alone):
    async def scenario():
        async with LockedDevicePool(CPU, folder=tmp_path, audit=lambda device: found) as pool:
            return await pool.acquire("one")

    assert alone is asyncio.run(scenario()).alone
    assert alone is next(e for e in journal.entries(tmp_path) if e.what is What.GRANT).alone


def test_where_a_device_has_to_be_exclusive_strangers_on_it_are_waited_out(tmp_path, monkeypatch):
    monkeypatch.setattr("caesar.devices.pool._SHUNNED_S", 0.02)
    strangers = [(99,), (99,), ()]

    async def scenario():
        pool = LockedDevicePool(CPU, folder=tmp_path, audit=lambda device: strangers.pop(0), exclusive=True)
        async with pool, asyncio.timeout(SOON_S):
            return await pool.acquire("one")

    assert asyncio.run(scenario()).alone
    assert [What.FOREIGN, What.FOREIGN, What.GRANT, What.RELEASE] == whats(tmp_path)


def test_a_device_is_kept_no_longer_than_it_takes_even_where_nothing_is_kept(tmp_path):
    async def scenario():
        async with LockedDevicePool(CPU, folder=tmp_path, keep_s=0.0) as pool:
            async with asyncio.timeout(SOON_S):
                for _ in range(3):
                    await pool.release(await pool.acquire("work"))

    asyncio.run(scenario())

    assert 3 * [What.GRANT, What.RELEASE] == whats(tmp_path)


def full_disk(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("part", ["journal.append", "write_state", "read_state"])
def test_a_device_whose_return_cannot_be_recorded_is_a_fault_and_given_again(tmp_path, monkeypatch, part):
    async def scenario():
        async with LockedDevicePool(CPU, folder=tmp_path) as pool, asyncio.timeout(SOON_S):
            grant = await pool.acquire("one")
            with monkeypatch.context() as full:
                full.setattr(f"caesar.devices.lease.{part}", full_disk)
                with pytest.raises(Fault, match=r"cpu:0 can't be leased through .*: No space left") as caught:
                    await pool.release(grant)
            await until(lambda: not is_held("cpu:0", folder=tmp_path))
            following = await pool.acquire("two")
            await pool.release(following)
            return caught.value.permanent, following.token

    assert (False, 2) == asyncio.run(scenario())
    closed = [What.RELEASE if part == "write_state" else What.RECLAIM]
    assert [What.GRANT, *closed, What.GRANT, What.RELEASE] == whats(tmp_path)


def test_closing_ends_though_nothing_can_be_recorded(tmp_path, monkeypatch):
    async def scenario():
        pool = LockedDevicePool((*CPU, Device("cpu:1", "a processor")), folder=tmp_path)
        await pool.acquire("one")
        await pool.acquire("two")
        monkeypatch.setattr("caesar.devices.lease.journal.append", full_disk)
        async with asyncio.timeout(SOON_S):
            await pool.aclose()

    asyncio.run(scenario())

    assert not any(is_held(device, folder=tmp_path) for device in ("cpu:0", "cpu:1"))


def test_who_waits_is_told_where_a_device_can_be_neither_kept_nor_given_up(tmp_path, monkeypatch):
    async def scenario():
        async with LockedDevicePool(CPU, folder=tmp_path, keep_s=60) as pool, asyncio.timeout(SOON_S):
            grant = await pool.acquire("one")
            waiter = asyncio.create_task(pool.acquire("two"))
            await asyncio.sleep(0)
            monkeypatch.setattr("caesar.devices.lease.write_state", full_disk)
            with pytest.raises(Fault):
                await pool.release(grant)
            with pytest.raises(Fault, match="No space left"):
                await waiter

    asyncio.run(scenario())

    assert not is_held("cpu:0", folder=tmp_path)
