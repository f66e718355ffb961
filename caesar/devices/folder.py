"""The folder in which devices are leased: where it may lie, who may share it, and how its files are opened.

Nothing in it is ever unlinked or replaced: a lock on a removed file excludes nobody, and in a shared
folder nobody may replace another user's file. So files are written in place, under a device's lock.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from functools import cache
from pathlib import Path

from caesar.errors import UsageError
from caesar.mounts import network_file_system, read_mounts

__all__ = ["device_file", "file_mode", "lock_name", "open_file", "overwrite", "prepare_folder", "read_file"]

_OTHERS = 0o022
_READ_BYTES = 1 << 16


def lock_name(device: str) -> str:
    """The name of a device's files, without their suffix: its id in characters safe for file names."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", device)


@cache  # asked a dozen times for each lease, always about the same few files
def device_file(folder: Path, device: str, suffix: str) -> Path:
    """One of a device's files: lock, state or quarantine."""
    return folder / f"{lock_name(device)}.{suffix}"


def prepare_folder(folder: Path, *, mounts: str | None = None) -> Path:
    """The absolute folder for lock files, made for its user alone if missing.

    UsageError where locks can't be relied upon: on a network file system, in another user's folder,
    or where others may write but also remove what is not theirs. `mounts` stands for the text of
    /proc/self/mounts, which is read where it isn't given.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        absolute = folder.resolve(strict=True)
    except OSError as error:
        raise UsageError(
            f"device locks can't be kept in {folder} ({error.strerror}): choose another"
        ) from error
    reason = _unfit(absolute)
    if reason is not None:
        raise UsageError(f"device locks can't be kept in {absolute}, {reason}")
    remote = network_file_system(absolute, mounts=read_mounts() if mounts is None else mounts)
    if remote is not None:
        raise UsageError(
            f"device locks can't be kept in {absolute}, which is on a network file system ({remote}):"
            " choose a folder on this machine"
        )
    return absolute


def file_mode(folder: Path) -> int:
    """Who may open the folder's files: whoever may write to the folder."""
    shared = folder.stat().st_mode
    group = 0o060 if shared & stat.S_IWGRP else 0
    others = 0o006 if shared & stat.S_IWOTH else 0
    return 0o600 | group | others


def open_file(path: Path, flags: int) -> int:
    """A descriptor of a file of the folder, which is made if missing; links are not followed.

    An existing file is opened without O_CREAT first: in a sticky folder the kernel may refuse to
    "create" a file that is another user's.
    """
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # who opens a pipe would wait for its other end
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        pass
    descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    if os.fstat(descriptor).st_uid == os.geteuid():
        os.fchmod(descriptor, file_mode(path.parent))  # the umask may have taken away what others need
    return descriptor


def read_file(path: Path | str) -> bytes | None:
    """What a file of the folder holds, up to 64 KiB; None where it is missing. Links are not followed.

    Never waits, not even for somebody to write to a FIFO of that name; OSError where it can't be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        return os.read(descriptor, _READ_BYTES)
    finally:
        os.close(descriptor)


def overwrite(path: Path, content: bytes) -> None:
    """Write a file of the folder from its beginning, in one write; OSError where not all of it was written."""
    descriptor = open_file(path, os.O_WRONLY)
    try:
        written = os.pwrite(descriptor, content, 0)
    finally:
        os.close(descriptor)
    if written < len(content):
        raise OSError(
            errno.ENOSPC, f"{written} of {len(content)} bytes of {path} were written; is the disk full?"
        )


def _unfit(folder: Path) -> str | None:
    """Why locks in a folder would bind nobody; None where they do."""
    status = folder.stat()
    if status.st_uid not in {0, os.geteuid()}:
        return "which is another user's: choose another"
    if not os.access(folder, os.W_OK | os.X_OK):
        return "which you may not write: choose another"
    if status.st_mode & _OTHERS and not status.st_mode & stat.S_ISVTX:
        return "where other users may remove the locks: set its sticky bit (chmod +t), or choose another"
    return None
