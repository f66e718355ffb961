from pathlib import PurePosixPath

import pytest

from caesar.devices.mounts import network_filesystem

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
    ],
)
def test_a_folder_is_on_the_deepest_and_latest_mount_above_it(folder, expected):
    assert expected == network_filesystem(PurePosixPath(folder), mounts=MOUNTS)


def test_a_folder_under_no_known_mount_is_taken_for_local():
    assert network_filesystem(PurePosixPath("/anywhere"), mounts="") is None
