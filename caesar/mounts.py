"""Whether a path lies on another machine's disk, where file locks and shared memory don't hold.

Used by the event store and by device locks alike, which is why it stands below their rooms.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath

__all__ = ["network_file_system", "read_mounts"]

_NETWORK = frozenset({
    "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs",
    "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "smbfs", "wekafs",
    "fuse.blobfuse2", "fuse.ceph", "fuse.ceph-fuse", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs",
    "fuse.goofys", "fuse.juicefs", "fuse.mount-s3", "fuse.mountpoint-s3", "fuse.rclone", "fuse.s3fs",
    "fuse.sshfs",
})  # fmt: skip
"""What /proc/self/mounts calls them. 9p is absent on purpose: sandboxed kernels (gVisor) show their
local root as 9p and lock it locally."""


def read_mounts() -> str:
    """The mount table of this process, as the kernel prints it; empty where there is none."""
    table = Path("/proc/self/mounts")
    return table.read_text(errors="surrogateescape") if table.exists() else ""


def network_file_system(path: PurePath, *, mounts: str) -> str | None:
    """The network file system an absolute path lies on; None where it is local or unknown.

    Of the mounts above the path the last in the table counts: it hides those before it.
    """
    above = [kind for point, kind in _table(mounts) if path.is_relative_to(point)]
    return above[-1] if above and above[-1] in _NETWORK else None


def _table(mounts: str) -> Iterator[tuple[PurePath, str]]:
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) >= 3:  # noqa: PLR2004 (device, mount point, kind)
            yield PurePath(_unescaped(fields[1])), fields[2]


def _unescaped(point: str) -> str:
    """A mount point as a path: the table writes space, tab, newline and backslash in octal."""
    for code, character in (("040", " "), ("011", "\t"), ("012", "\n"), ("134", "\\")):
        point = point.replace(f"\\{code}", character)
    return point
