"""A child in namespaces of its own: the first process there, which starts the job's and ends with it.

The first process of a pid namespace is deaf to signals it doesn't handle, and inherits every orphan: so
it is none of the job's own. Its end is the end of all processes in the namespace, by the kernel's hand.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Never

from caesar.sandbox.forks import close_all_but
from caesar.sandbox.linux import clone, drop_capabilities, set_readable_by_its_user

__all__ = ["STATUS", "fork_into_namespaces", "map_users", "stand_by"]

_MOUNT, _CGROUP, _UTS, _IPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
_USER, _PID, _NET = 0x10000000, 0x20000000, 0x40000000

STATUS = struct.Struct("=i")
"""How the first process says how the job's own child ended: its wait status."""


def fork_into_namespaces() -> int:
    """Like os.fork(), the child being the first process of new namespaces of every kind but time."""
    return clone(_MOUNT | _CGROUP | _UTS | _IPC | _USER | _PID | _NET)


def map_users(pid: int, number: int | None) -> None:
    """Have this process's user, and that of the number, be themselves in the namespace of a process.

    Without a number it is enough to be that user; with one, this process must be root.
    """
    place = Path(f"/proc/{pid}")
    if number is None:
        (place / "setgroups").write_text("deny")
    users = [os.geteuid()] + ([] if number is None else [number])
    groups = [os.getegid()] + ([] if number is None else [number])
    (place / "uid_map").write_text(_identities(users))
    (place / "gid_map").write_text(_identities(groups))


def stand_by(child: int, status: int) -> Never:
    """As the first process: hold nothing, bury the dead, and end with the child, whose status it passes on."""
    close_all_but({status})
    drop_capabilities()
    set_readable_by_its_user(readable=False)
    while True:
        pid, ended = os.wait()
        if pid == child:
            os.write(status, STATUS.pack(ended))
            os._exit(0)


def _identities(numbers: list[int]) -> str:
    return "".join(f"{number} {number} 1\n" for number in numbers)
