from pathlib import Path

import pytest

from caesar.errors import StoreError
from caesar.stores.filesystem import read_mounts, refuse_network_file_system

MOUNTS = r"""
/dev/sda1 / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
/dev/sdb1 /home/local xfs rw 0 0
//server/share /mnt/with\040space cifs rw 0 0
a /stacked ext4 rw 0 0
b /stacked lustre rw 0 0
c /covered nfs rw 0 0
d /covered tmpfs rw 0 0
e /hidden/below ext4 rw 0 0
f /hidden nfs rw 0 0
user@host: /ssh fuse.sshfs rw 0 0
garbage
"""


@pytest.mark.parametrize(("path", "kind"), [
    ("/home/ann/caesar.db", "nfs4"),
    ("/home/locally/caesar.db", "nfs4"),
    ("/mnt/with space/caesar.db", "cifs"),
    ("/stacked/caesar.db", "lustre"),
    ("/ssh/caesar.db", "fuse.sshfs"),
    ("/hidden/below/caesar.db", "nfs"),
])  # fmt: skip
def test_network_file_systems_are_refused_by_name(path, kind):
    with pytest.raises(StoreError, match=rf"{path} lies on a network file system \({kind}\)"):
        refuse_network_file_system(Path(path), MOUNTS)


@pytest.mark.parametrize(
    "path", ["/var/caesar.db", "/home/local/caesar.db", "/covered/caesar.db", "/sshd/caesar.db"]
)
def test_local_file_systems_are_accepted(path):
    refuse_network_file_system(Path(path), MOUNTS)


def test_a_symbolic_link_is_followed(tmp_path):
    (tmp_path / "link").symlink_to("/home/ann")

    with pytest.raises(StoreError, match="nfs4"):
        refuse_network_file_system(tmp_path / "link" / "caesar.db", MOUNTS)


def test_without_a_mount_table_any_place_is_accepted():
    refuse_network_file_system(Path("/home/ann/caesar.db"), "")


def test_this_machines_mount_table_is_understood(tmp_path):
    refuse_network_file_system(tmp_path, read_mounts())
