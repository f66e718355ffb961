"""A root folder of its own for a boxed child: what it may read is there, and nothing else exists.

For the first process of fresh user and mount namespaces; needs Linux 5.12, for mount_setattr.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from caesar.sandbox.box import Box
from caesar.sandbox.linux import system_call
from caesar.sandbox.runtime import DEVICES, PSEUDO

__all__ = ["Root", "enter_root", "writable_folders"]

_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_AT_CWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_CLONE_TREE, _CLOSE_ON_EXEC = 1, os.O_CLOEXEC
_FROM_DESCRIPTOR = 4
_READ_ONLY, _NO_SETUID, _NO_DEVICES, _NO_EXEC = 1, 2, 4, 8
_MS_READ_ONLY, _MS_NO_SETUID, _MS_NO_DEVICES, _MS_NO_EXEC = 1, 2, 4, 8
_MS_RECURSIVE, _MS_SLAVE = 1 << 14, 1 << 19
_MNT_DETACH = 2

_SCRATCH_BYTES = 256 << 20
"""What /tmp and /dev/shm hold together where the box doesn't say how much disk there is."""
_MOST_FILES = 1 << 18
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}
_OF_THE_MACHINE = ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi")
"""What lies in /proc and is not about processes."""


@dataclass(frozen=True, slots=True)
class Root:
    """What the new root holds."""

    box: Box
    reads: tuple[Path, ...]
    """Outermost paths, shown read-only where they lie."""
    folder: Path
    """The job's folder: the caller's own, or an empty one in memory where the box bounds the disk."""
    user: int
    """Whom the writable folders belong to."""


def writable_folders(folder: Path) -> tuple[Path, ...]:
    """The folders of the new root that may be written."""
    return folder, Path("/tmp"), Path("/dev/shm"), Path("/var/tmp")  # noqa: S108 - the child's own


def enter_root(root: Root) -> None:
    """Make the root and live in it; OSError, with the step's name, where the kernel refuses."""
    _mount(None, Path("/"), None, _MS_RECURSIVE | _MS_SLAVE, what="taking mounts apart")
    trees = list(_trees(root))
    size = root.box.disk_bytes or _SCRATCH_BYTES
    options = f"size={size},nr_inodes={_MOST_FILES},mode=755"
    _mount("tmpfs", root.folder, "tmpfs", _MS_NO_SETUID | _MS_NO_DEVICES, options, what="a root in memory")
    base = root.folder
    os.chdir(base)
    with _umask(0):
        for tree in trees:
            tree.place(base)
        _furnish(base, root, options)
    _pivot()


@dataclass(frozen=True, slots=True)
class _Tree:
    """A copy of a mount that hangs nowhere yet."""

    descriptor: int
    target: Path
    is_folder: bool

    @classmethod
    def of(cls, path: Path, flags: int) -> _Tree:
        """A copy of what lies at a path, everything mounted below included, with more flags set."""
        descriptor = system_call(
            _OPEN_TREE,
            _AT_CWD,
            ctypes.c_char_p(os.fsencode(path)),
            _CLONE_TREE | _CLOSE_ON_EXEC | _AT_RECURSIVE,
            what=f"showing {path}",
        )
        attributes = struct.pack("4Q", flags, 0, 0, 0)
        system_call(
            _MOUNT_SETATTR,
            descriptor,
            ctypes.c_char_p(b""),
            _AT_EMPTY_PATH | _AT_RECURSIVE,
            ctypes.c_char_p(attributes),
            len(attributes),
            what=f"protecting {path}",
        )
        return cls(descriptor, path, path.is_dir())

    def place(self, base: Path) -> None:
        """Hang it in where it lay, below the new root."""
        target = _below(base, self.target)
        if self.is_folder:
            target.mkdir(parents=True, exist_ok=True)
        elif not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        system_call(
            _MOVE_MOUNT,
            self.descriptor,
            ctypes.c_char_p(b""),
            _AT_CWD,
            ctypes.c_char_p(os.fsencode(target)),
            _FROM_DESCRIPTOR,
            what=f"mounting {self.target}",
        )
        os.close(self.descriptor)


def _trees(root: Root) -> Iterator[_Tree]:
    """Copies of all that is shown, parents first; taken before anything is covered."""
    shown = {path: _READ_ONLY | _NO_SETUID | _NO_DEVICES for path in root.reads if not path.is_symlink()}
    pseudo = (Path("/sys"),) if root.box.devices else PSEUDO
    shown |= {path: _READ_ONLY | _NO_SETUID | _NO_DEVICES | _NO_EXEC for path in pseudo if path.exists()}
    shown |= dict.fromkeys((*DEVICES, *root.box.devices), _NO_SETUID | _NO_EXEC)
    if root.box.disk_bytes is None:
        shown[root.folder] = _NO_SETUID | _NO_DEVICES
    for path in sorted(shown):
        yield _Tree.of(path, shown[path])


def _furnish(base: Path, root: Root, options: str) -> None:
    """What is made rather than shown: links, /proc, /dev, /etc, and places to write."""
    for path in root.reads:
        if path.is_symlink():
            _link(_below(base, path), str(path.readlink()))
    for name, target in _LINKS.items():
        _link(base / "dev" / name, target)
    _processes(base / "proc", writable=bool(root.box.devices))
    _accounts(base / "etc", root.user)
    for folder in writable_folders(root.folder):
        _writable(base, folder, root, options)


def _link(place: Path, target: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        place.symlink_to(target)


def _processes(proc: Path, *, writable: bool) -> None:
    """A /proc of the new processes only; where drivers must write in it, the machine's own part stays shut."""
    proc.mkdir(exist_ok=True)
    flags = _MS_NO_SETUID | _MS_NO_DEVICES | _MS_NO_EXEC
    _mount("proc", proc, "proc", flags if writable else flags | _MS_READ_ONLY, what="a /proc of its own")
    for name in _OF_THE_MACHINE if writable else ():
        if (proc / name).exists():
            _Tree.of(proc / name, _READ_ONLY | _NO_EXEC).place(Path("/"))


def _accounts(etc: Path, user: int) -> None:
    etc.mkdir(exist_ok=True)
    (etc / "passwd").write_text(f"candidate:x:{user}:{user}::/:/bin/sh\n")
    (etc / "group").write_text(f"candidate:x:{user}:\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n")


def _writable(base: Path, folder: Path, root: Root, options: str) -> None:
    """A folder of the root in memory, or a memory of its own where it lies in something shown."""
    place = _below(base, folder)
    if folder == root.folder and root.box.disk_bytes is None:
        return
    if any(shown in folder.parents for shown in root.reads):
        _mount("tmpfs", place, "tmpfs", _MS_NO_SETUID | _MS_NO_DEVICES, options, what="a folder in memory")
    place.mkdir(parents=True, exist_ok=True)
    os.chown(place, root.user, -1)
    place.chmod(0o700 if folder == root.folder else 0o1777)


def _pivot() -> None:
    """Make the current folder the root, and forget the old one."""
    libc = ctypes.CDLL(None, use_errno=True)
    old = os.open("/", os.O_DIRECTORY | os.O_PATH | os.O_CLOEXEC)
    if libc.syscall(_pivot_root(), ctypes.c_char_p(b"."), ctypes.c_char_p(b".")) != 0:
        raise _refused("changing the root")
    os.fchdir(old)
    os.close(old)
    if libc.umount2(ctypes.c_char_p(b"."), _MNT_DETACH) != 0:
        raise _refused("leaving the old root")
    os.chdir("/")


def _pivot_root() -> ctypes.c_long:
    return ctypes.c_long({"x86_64": 155, "aarch64": 41}[os.uname().machine])


def _mount(
    source: str | None, target: Path, kind: str | None, flags: int, options: str = "", *, what: str
) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    words = [word and ctypes.c_char_p(word.encode()) for word in (source, str(target), kind)]
    if libc.mount(*words, ctypes.c_ulong(flags), ctypes.c_char_p(options.encode())) != 0:
        raise _refused(what)


def _refused(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


def _below(base: Path, path: Path) -> Path:
    return base / path.relative_to("/")


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
