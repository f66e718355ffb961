import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.devices import lease as lease_module
from caesar.devices.lease import Holder, holder, lock_name, prepare_folder, try_lease
from caesar.errors import Fault, UsageError

NFS = "server:/export /mnt/shared nfs4 rw 0 0\n"
ROOT = "/dev/vda / ext4 rw 0 0\n"


def take(folder, device="cpu:0"):
    return try_lease(device, request="r:1.0:evaluate", folder=folder)


def test_a_lease_excludes_a_second_one_until_it_ends(tmp_path):
    first = take(tmp_path)

    refused = take(tmp_path)
    first.end()
    second = take(tmp_path)

    assert refused is None
    assert (1, 2) == (first.token, second.token)
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


def test_the_holder_says_which_process_holds_the_device_and_what_for(tmp_path):
    lease = take(tmp_path)

    found = holder("cpu:0", folder=tmp_path)

    start_time = int((lease_module._STAT).read_text().rpartition(")")[2].split()[19])
    assert Holder(os.getpid(), start_time, "r:1.0:evaluate", found.since_us) == found
    lease.end()


def test_a_device_never_leased_has_no_holder(tmp_path):
    assert holder("cpu:0", folder=tmp_path) is None


def test_a_device_given_back_has_no_holder(tmp_path):
    take(tmp_path).end()

    assert holder("cpu:0", folder=tmp_path) is None


def test_a_record_left_by_a_killed_holder_names_nobody(tmp_path):
    lease = take(tmp_path)
    os.close(lease.descriptor)

    assert (tmp_path / "cpu-0.json").exists()
    assert holder("cpu:0", folder=tmp_path) is None


def test_a_damaged_record_of_a_held_device_names_nobody(tmp_path):
    lease = take(tmp_path)
    (tmp_path / "cpu-0.json").write_text("{")

    assert holder("cpu:0", folder=tmp_path) is None
    lease.end()


def test_asking_for_the_holder_does_not_end_the_lease(tmp_path):
    lease = take(tmp_path)
    holder("cpu:0", folder=tmp_path)

    assert take(tmp_path) is None
    lease.end()


def test_the_descriptor_is_closed_on_exec(tmp_path):
    lease = take(tmp_path)

    assert not os.get_inheritable(lease.descriptor)
    lease.end()


def test_a_lock_on_a_file_that_is_no_longer_at_its_path_is_not_a_lease(tmp_path, monkeypatch):
    def flock(descriptor, operation):
        (tmp_path / "cpu-0.lock").unlink()

    monkeypatch.setattr(lease_module.fcntl, "flock", flock)

    assert take(tmp_path) is None


def test_a_lock_on_a_file_that_was_replaced_is_not_a_lease(tmp_path, monkeypatch):
    def flock(descriptor, operation):
        (tmp_path / "other").touch()
        (tmp_path / "other").replace(tmp_path / "cpu-0.lock")

    monkeypatch.setattr(lease_module.fcntl, "flock", flock)

    assert take(tmp_path) is None


def test_a_file_system_without_locks_is_a_fault(tmp_path, monkeypatch):
    def flock(descriptor, operation):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(lease_module.fcntl, "flock", flock)

    with pytest.raises(Fault, match="Function not implemented"):
        take(tmp_path)


def test_a_link_in_place_of_a_lock_file_is_not_followed(tmp_path):
    (tmp_path / "cpu-0.lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Fault, match="cpu:0"):
        take(tmp_path)

    assert not (tmp_path / "elsewhere").exists()


def test_a_damaged_token_is_a_fault_that_says_what_to_do_and_frees_the_device(tmp_path):
    (tmp_path / "cpu-0.token").write_text("seven")

    with pytest.raises(Fault, match=r"cpu-0\.token is damaged: remove the file") as caught:
        take(tmp_path)

    assert caught.value.permanent
    (tmp_path / "cpu-0.token").unlink()
    take(tmp_path).end()


def test_a_record_that_cannot_be_written_frees_the_device(tmp_path):
    (tmp_path / "cpu-0.json.new").mkdir()

    with pytest.raises(Fault, match="Is a directory"):
        take(tmp_path)

    (tmp_path / "cpu-0.json.new").rmdir()
    take(tmp_path).end()


@given(st.text())
def test_a_lock_name_never_leaves_its_folder(device):
    assert "/" not in lock_name(device)
    assert "\0" not in lock_name(device)


def test_the_lock_folder_is_made_for_its_user_alone(tmp_path):
    folder = prepare_folder(tmp_path / "run" / "caesar", mounts=ROOT)

    assert tmp_path / "run" / "caesar" == folder
    assert 0o700 == folder.stat().st_mode & 0o777


def test_a_lock_folder_on_a_network_file_system_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"on a network file system \(nfs4\): choose a folder on this machine"):
        prepare_folder(tmp_path, mounts=NFS.replace("/mnt/shared", str(tmp_path)))


def test_a_lock_folder_that_leads_to_a_network_file_system_by_a_link_is_refused(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "shared")

    with pytest.raises(UsageError, match="network file system"):
        prepare_folder(tmp_path / "link", mounts=NFS.replace("/mnt/shared", f"{tmp_path}/shared"))


def test_a_lock_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & os.W_OK)  # root may write anywhere

    with pytest.raises(UsageError, match="which you may not write: choose another"):
        prepare_folder(tmp_path, mounts=ROOT)


def test_a_file_in_place_of_the_lock_folder_is_refused(tmp_path):
    (tmp_path / "locks").touch()

    with pytest.raises(UsageError, match=r"can't be kept in .*locks \(File exists\): choose another"):
        prepare_folder(tmp_path / "locks")


def test_a_lock_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    if os.geteuid() == 0:
        os.chown(tmp_path, 4711, 4711)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 4711)

    with pytest.raises(UsageError, match="which is another user's: choose another"):
        prepare_folder(tmp_path, mounts=ROOT)
