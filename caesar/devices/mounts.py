"""Whether a folder lies on another machine's disk, where file locks can't be relied upon.

Pure parsing of the kernel's mount table; reading the table is the caller's.
"""

from __future__ import annotations

from pathlib import PurePath

__all__ = ["network_filesystem"]

_NETWORK = frozenset(
    {
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
    }
)
"""9p is absent on purpose: sandboxed kernels show their local root as 9p and lock it locally."""


def network_filesystem(folder: PurePath, *, mounts: str) -> str | None:
    """The network file system that an absolute path lies on; None where it is local or unknown.

    `mounts` is the text of /proc/self/mounts. Of nested mounts the deepest counts, of several on
    one point the last.
    """
    deepest: tuple[int, str] | None = None
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        place = PurePath(_unescaped(point))
        if folder.is_relative_to(place) and (deepest is None or len(place.parts) >= deepest[0]):
            deepest = (len(place.parts), kind)
    return deepest[1] if deepest is not None and deepest[1] in _NETWORK else None


def _unescaped(point: str) -> str:
    """A mount point as a path: the table writes space, tab, newline and backslash in octal."""
    for escape, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(escape, character)
    return point
