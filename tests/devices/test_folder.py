import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.devices.folder import file_mode, lock_name, open_file, prepare_folder
from caesar.errors import UsageError

NFS = "server:/export /mnt/shared nfs4 rw 0 0\n"
ROOT = "/dev/vda / ext4 rw 0 0\n"


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


def test_a_folder_where_others_may_remove_the_locks_is_refused(tmp_path):
    tmp_path.chmod(0o777)

    with pytest.raises(UsageError, match=r"set its sticky bit \(chmod \+t\), or choose another"):
        prepare_folder(tmp_path, mounts=ROOT)


def test_a_sticky_folder_may_be_shared_by_every_user(tmp_path):
    tmp_path.chmod(0o1777)

    assert tmp_path == prepare_folder(tmp_path, mounts=ROOT)


@pytest.mark.parametrize(("folder", "file"), [(0o700, 0o600), (0o1770, 0o660), (0o1777, 0o666)])
def test_files_may_be_opened_by_whoever_may_write_to_the_folder_whatever_the_umask(tmp_path, folder, file):
    tmp_path.chmod(folder)
    before = os.umask(0o077)
    try:
        os.close(open_file(tmp_path / "new", os.O_RDWR))
    finally:
        os.umask(before)

    assert file == file_mode(tmp_path)
    assert file == (tmp_path / "new").stat().st_mode & 0o777


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic links"):
        open_file(tmp_path / "link", os.O_RDWR)

    assert not (tmp_path / "elsewhere").exists()
