from pathlib import PurePosixPath

import pytest

from caesar.mounts import network_file_system, read_mounts

MOUNTS = r"""/dev/vda / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
tmpfs /run tmpfs rw 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
/dev/vdb /home/fast xfs rw 0 0
//server/share /mnt/with\040space cifs rw 0 0
host:/x /mnt/sshfs fuse.sshfs rw 0 0
overlay /overlay overlay rw 0 0
server:/a /twice nfs rw 0 0
tmpfs /twice tmpfs rw 0 0
e /hidden/below ext4 rw 0 0
f /hidden nfs rw 0 0
garbage
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/tmp/caesar-1000", None),
        ("/run/user/1000", None),
        ("/home/ada/locks", "nfs4"),
        ("/home", "nfs4"),
        ("/homeless", None),
        ("/home/fast/locks", None),
        ("/mnt/with space/locks", "cifs"),
        ("/mnt/sshfs", "fuse.sshfs"),
        ("/overlay/x", None),
        ("/twice/x", None),
        ("/hidden/below/x", "nfs"),
    ],
)
def test_a_folder_is_on_the_last_mount_above_it(folder, expected):
    assert expected == network_file_system(PurePosixPath(folder), mounts=MOUNTS)


def test_a_folder_under_no_known_mount_is_taken_for_local():
    assert network_file_system(PurePosixPath("/anywhere"), mounts="") is None


def test_this_machines_mount_table_is_understood(tmp_path):
    assert network_file_system(tmp_path, mounts=read_mounts()) is None
