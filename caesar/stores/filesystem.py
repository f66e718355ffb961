"""Whether a path lies on a disk of this machine, as the store's shared memory and locks need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from caesar.errors import StoreError

__all__ = ["read_mounts", "refuse_network_file_system"]

_NETWORK = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs",
    "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "smbfs", "wekafs",
    "fuse.blobfuse2", "fuse.ceph-fuse", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys",
    "fuse.juicefs", "fuse.mount-s3", "fuse.mountpoint-s3", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
})  # fmt: skip
"""File systems of which another machine may hold a part: what /proc/self/mounts calls them."""


def read_mounts() -> str:
    """The mount table of this process, as the kernel prints it; empty where there is none."""
    table = Path("/proc/self/mounts")
    return table.read_text(errors="surrogateescape") if table.exists() else ""


def refuse_network_file_system(path: Path, mounts: str) -> None:
    """StoreError if the mount table says that the path lies on a network file system.

    Between machines neither SQLite's shared memory nor file locks hold, and a store would be damaged.
    A file system that the list doesn't know is taken for a local one.
    """
    kind = _file_system(path.resolve(), mounts)
    if kind in _NETWORK:
        raise StoreError(
            f"{path} lies on a network file system ({kind}), where the event store could be damaged:"
            " choose a --store on a local disk"
        )


def _file_system(path: Path, mounts: str) -> str | None:
    """The kind of the last mount above the path, which hides those before it."""
    above = [kind for point, kind in _table(mounts) if path.is_relative_to(point)]
    return above[-1] if above else None


def _table(mounts: str) -> Iterator[tuple[Path, str]]:
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) >= 3:  # noqa: PLR2004 - device, mount point, kind
            yield Path(_unescape(fields[1])), fields[2]


def _unescape(field: str) -> str:
    """The kernel writes space, tab, newline and backslash as three octal digits."""
    for code, character in (("040", " "), ("011", "\t"), ("012", "\n"), ("134", "\\")):
        field = field.replace(f"\\{code}", character)
    return field
