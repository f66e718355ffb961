import gc
import os
import time

import pytest

from caesar.devices import journal
from caesar.devices.folder import device_file
from caesar.devices.journal import What
from caesar.devices.lease import holder, is_held, try_lease
from caesar.devices.processes import Process, this_process
from caesar.devices.quarantine import Quarantine, read_quarantine
from caesar.devices.state import Doing, Holder, State, read_state, write_state
from caesar.effects import Condition
from caesar.errors import Fault

DEAD = Process(pid=2**22 + 1, start_time=1, boot="another boot")


def take(folder, device="cpu:0"):
    return try_lease(device, folder=folder)


def grant(lease, request="r:1.0:evaluate"):
    return lease.grant(request, waited_s=0.0, alone=None)


def told(folder):
    return [(entry.what, entry.token) for entry in journal.entries(folder)]


def left_by_a_dead_holder(folder, token=7, *, granted=True, released=False):
    """What lies in the folder after a holder was killed."""
    lease = take(folder)
    lease.token, lease.process = token - 1, DEAD
    if granted:
        grant(lease)
    else:
        write_state(folder, "cpu:0", State(token, Holder(DEAD, 0, Doing.WORKING, "r", time.time_ns() // 1000)))
    if released:
        lease.release(held_s=1.0, condition=Condition.SOUND)
    lease._lock.drop()


def test_a_lease_excludes_a_second_one_until_it_ends(tmp_path):
    first = take(tmp_path)

    refused = take(tmp_path)
    first.end()
    second = take(tmp_path)

    assert refused is None
    assert second is not None
    second.end()


def test_leases_on_different_devices_are_independent(tmp_path):
    first, second = take(tmp_path), take(tmp_path, "cpu:1")

    assert ("cpu:0", "cpu:1") == (first.device, second.device)
    first.end()
    second.end()


def test_a_lock_file_is_never_removed(tmp_path):
    take(tmp_path).end()
    before = (tmp_path / "cpu-0.lock").stat().st_ino
    take(tmp_path).end()

    assert before == (tmp_path / "cpu-0.lock").stat().st_ino


def test_every_grant_has_a_token_of_its_own_also_within_one_lease(tmp_path):
    lease = take(tmp_path)
    tokens = []
    for _ in range(3):
        tokens.append(grant(lease))
        lease.release(held_s=0.0, condition=Condition.SOUND)
    lease.end()
    again = take(tmp_path)
    tokens.append(grant(again))
    again.end()

    assert [1, 2, 3, 4] == tokens


def test_the_holder_says_which_process_holds_the_device_and_what_for(tmp_path):
    lease = take(tmp_path)
    grant(lease, "run/1/0:2.0:evaluate")

    found = holder("cpu:0", folder=tmp_path)

    assert this_process() == found.process
    assert ("run/1/0:2.0:evaluate", Doing.WORKING, os.getuid()) == (found.request, found.doing, found.uid)
    lease.end()


def test_a_device_that_is_kept_between_two_pieces_of_work_says_so(tmp_path):
    lease = take(tmp_path)
    grant(lease)
    lease.release(held_s=1.0, condition=Condition.SOUND)

    assert Doing.KEEPING is holder("cpu:0", folder=tmp_path).doing
    lease.end()


def test_a_device_never_leased_has_no_holder(tmp_path):
    assert holder("cpu:0", folder=tmp_path) is None


def test_a_device_given_back_has_no_holder(tmp_path):
    lease = take(tmp_path)
    grant(lease)
    lease.end()

    assert holder("cpu:0", folder=tmp_path) is None


def test_a_state_left_by_a_killed_holder_names_nobody(tmp_path):
    left_by_a_dead_holder(tmp_path)

    assert read_state(tmp_path, "cpu:0").holder is not None
    assert holder("cpu:0", folder=tmp_path) is None


def test_asking_for_the_holder_does_not_end_the_lease(tmp_path):
    lease = take(tmp_path)
    holder("cpu:0", folder=tmp_path)

    assert take(tmp_path) is None
    lease.end()


def test_a_grant_and_its_release_are_in_the_journal(tmp_path):
    lease = take(tmp_path)
    grant(lease, "work")
    lease.release(held_s=2.5, condition=Condition.HUNG)
    lease.end()

    granted, released = journal.entries(tmp_path)
    assert (What.GRANT, 1, "work") == (granted.what, granted.token, granted.request)
    assert (What.RELEASE, 1, 2.5, "hung") == (
        released.what,
        released.token,
        released.seconds,
        released.condition,
    )


def test_the_open_grant_of_a_dead_holder_is_reclaimed_once(tmp_path):
    left_by_a_dead_holder(tmp_path)

    lease = take(tmp_path)
    assert DEAD == lease.leftover.process
    lease.reclaim()
    lease.reclaim()
    token = grant(lease)
    lease.end()

    assert [(What.GRANT, 7), (What.RECLAIM, 7), (What.GRANT, 8)] == told(tmp_path)
    assert 8 == token


def test_a_grant_whose_holder_died_after_giving_it_back_is_not_reclaimed(tmp_path):
    left_by_a_dead_holder(tmp_path, released=True)

    lease = take(tmp_path)
    lease.reclaim()
    lease.end()

    assert [(What.GRANT, 7), (What.RELEASE, 7)] == told(tmp_path)


def test_a_grant_whose_holder_died_before_it_was_recorded_is_not_reclaimed(tmp_path):
    left_by_a_dead_holder(tmp_path, granted=False)

    lease = take(tmp_path)
    lease.reclaim()
    token = grant(lease)
    lease.end()

    assert [(What.GRANT, 8)] == told(tmp_path)
    assert 8 == token


def test_who_dies_while_reclaiming_leaves_it_to_the_next_who_does_not_repeat_it(tmp_path):
    left_by_a_dead_holder(tmp_path)
    dying = take(tmp_path)
    dying.reclaim()
    dying._lock.drop()

    lease = take(tmp_path)
    lease.reclaim()
    lease.end()

    assert [(What.GRANT, 7), (What.RECLAIM, 7)] == told(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]"])
def test_a_damaged_state_goes_on_from_the_newest_token_of_the_journal(tmp_path, damage):
    lease = take(tmp_path)
    grant(lease)
    grant(lease)
    lease.end()
    (tmp_path / "cpu-0.state").write_bytes(damage)

    again = take(tmp_path)

    assert 3 == grant(again)
    again.end()


def fails(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("part", ["journal.append", "write_state"])
def test_a_grant_whose_end_could_not_be_recorded_is_closed_once_by_the_next_holder(tmp_path, monkeypatch, part):
    lease = take(tmp_path)
    grant(lease)
    with monkeypatch.context() as full:
        full.setattr(f"caesar.devices.lease.{part}", fails)
        with pytest.raises(OSError, match="No space left"):
            lease.release(held_s=1.0, condition=Condition.SOUND)
    lease.end()

    following = take(tmp_path)
    following.reclaim()
    following.end()

    ends = [entry for entry in journal.entries(tmp_path) if entry.what is not What.GRANT]
    assert [What.RECLAIM if part == "journal.append" else What.RELEASE] == [entry.what for entry in ends]
    assert ends[0].reason in {None, f"process {os.getpid()} could not give it back"}


@pytest.mark.parametrize("what", ["state", "quarantine"])
def test_a_file_that_a_full_disk_cut_short_is_an_error(tmp_path, monkeypatch, what):
    lease = take(tmp_path)
    real = os.pwrite
    with monkeypatch.context() as full:
        full.setattr("os.pwrite", lambda descriptor, content, at: real(descriptor, content[:20], at))
        with pytest.raises(OSError, match=r"20 of 4096 bytes of .* were written; is the disk full"):
            grant(lease) if what == "state" else lease.quarantine("it smells")
    lease.end()


def test_a_device_in_quarantine_is_leased_to_nobody_until_it_is_lifted(tmp_path):
    lease = take(tmp_path)
    lease.quarantine("it smells of smoke")
    lease.end()

    refused = take(tmp_path)
    why = read_quarantine(tmp_path, "cpu:0").reason
    lifting = try_lease("cpu:0", folder=tmp_path, quarantined=True)
    lifting.lift("looked at")
    lifting.end()
    again = take(tmp_path)

    assert refused is None
    assert "it smells of smoke" == why
    assert [What.QUARANTINE, What.LIFT] == [entry.what for entry in journal.entries(tmp_path)]
    assert again is not None
    again.end()


def test_a_quarantine_that_cannot_be_read_is_one(tmp_path):
    device_file(tmp_path, "cpu:0", "quarantine").write_text("{")

    assert take(tmp_path) is None


def test_a_quarantine_that_is_a_link_is_one_of_unknown_reason(tmp_path):
    path = device_file(tmp_path, "cpu:0", "quarantine")
    path.symlink_to(tmp_path / "nowhere")

    assert Quarantine(f"{path} can't be read", 0) == read_quarantine(tmp_path, "cpu:0")
    assert take(tmp_path) is None


def test_a_state_that_is_a_link_is_a_fault_and_not_followed(tmp_path):
    write_state(tmp_path, "cpu:1", State(7))
    device_file(tmp_path, "cpu:0", "state").symlink_to(device_file(tmp_path, "cpu:1", "state"))

    with pytest.raises(Fault, match=r"cpu:0 can't be leased through .*: Too many levels of symbolic links"):
        take(tmp_path)
    assert not is_held("cpu:0", folder=tmp_path)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_lease_that_nobody_refers_to_any_more_is_free(tmp_path):
    lease = take(tmp_path)
    held = is_held("cpu:0", folder=tmp_path)

    del lease
    gc.collect()

    assert held
    assert not is_held("cpu:0", folder=tmp_path)


def test_the_descriptor_is_closed_on_exec(tmp_path):
    lease = take(tmp_path)

    assert not os.get_inheritable(lease._lock.file.fileno())
    lease.end()


def test_a_lock_on_a_file_that_is_no_longer_at_its_path_is_not_a_lease(tmp_path, monkeypatch):
    real = os.fstat

    def gone(descriptor):
        status = real(descriptor)
        (tmp_path / "cpu-0.lock").unlink(missing_ok=True)
        return status

    monkeypatch.setattr("caesar.devices.lock.os.fstat", gone)

    assert take(tmp_path) is None


def test_a_lease_whose_lock_file_was_replaced_binds_nobody_any_more(tmp_path):
    lease = take(tmp_path)
    grant(lease)
    before = lease.current
    (tmp_path / "other").touch()
    (tmp_path / "other").replace(tmp_path / "cpu-0.lock")

    assert (True, False) == (before, lease.current)
    lease.end()


def test_a_lost_lease_does_not_write_over_its_successors_state(tmp_path):
    lost = take(tmp_path)
    grant(lost)
    (tmp_path / "cpu-0.lock").unlink()
    successor = take(tmp_path)
    grant(successor)

    lost.end()

    assert 2 == read_state(tmp_path, "cpu:0").token
    assert this_process() == read_state(tmp_path, "cpu:0").holder.process
    successor.end()


def test_a_file_system_without_locks_is_a_fault_and_never_a_softer_lock(tmp_path, monkeypatch):
    def flock(descriptor, operation):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("filelock._unix.fcntl.flock", flock)

    with pytest.raises(Fault, match="Function not implemented"):
        take(tmp_path)


def test_a_link_in_place_of_a_lock_file_is_not_followed(tmp_path):
    (tmp_path / "cpu-0.lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Fault, match="cpu:0"):
        take(tmp_path)

    assert not (tmp_path / "elsewhere").exists()
