"""Refusing system calls: a list of what no candidate needs, compiled to the kernel's filter language.

A list of what is refused, not of what is allowed: drivers and compilers need a wide set. What must
stay allowed for CUDA: memfd_create, ioctl, mlock and executable memory.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Filter", "install"]

_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_TIOCSTI = 0x5412
_AF_UNIX, _SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_TYPES = 1, 1, 5, 0xF
_NEW_NAMESPACES = 0x7E020080
"""Every CLONE_NEW flag that clone() takes, CLONE_NEWTIME included."""

_LOAD, _AND, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32 = 0x40000000
_LONGEST_JUMP = 255

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COLUMN = {"x86_64": 0, "aarch64": 1}

_BOTH = {
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "mount_setattr": 442, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "pidfd_getfd": 438, "process_madvise": 440, "quotactl_fd": 443, "open_tree_attr": 467,
}  # fmt: skip
"""Calls with one number everywhere."""

_OTHERS = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "setns": (308, 268), "unshare": (272, 97), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264), "clock_settime": (227, 112), "settimeofday": (164, 170),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "seccomp": (317, 277), "swapon": (167, 224),
    "swapoff": (168, 225), "reboot": (169, 142), "acct": (163, 89), "quotactl": (179, 60),
    "syslog": (103, 116), "sethostname": (170, 161), "setdomainname": (171, 162), "vhangup": (153, 58),
    "fanotify_init": (300, 262), "move_pages": (279, 239), "migrate_pages": (256, 238),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None), "uselib": (134, None),
}  # fmt: skip

_OF_OWNERS = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "setxattrat": (463, 463), "removexattrat": (466, 466), "file_setattr": (469, 469),
}  # fmt: skip
"""What landlock lets the owner of a file do to it wherever it lies.

Times are left: who touches a file first tries to set them, and takes success for the file's existence.
"""

_OF_FILE_SYSTEMS = tuple(kind << 8 for kind in (ord("f"), ord("v"), ord("X"), 0x94, 0xBC))
"""Kinds of requests that file systems answer, on files that are open for reading: flags, volumes, seals.

What they do landlock does not see. Devices of CUDA have other kinds.
"""
_REQUEST_KIND = 0xFF00

_OUTLIVING = {
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
}  # fmt: skip
"""What makes things that outlive who made them, and memory that no process's share counts.

Who finds that the kernel has none does without.
"""

_CLONE, _CLONE3, _SOCKET, _SOCKETPAIR = (56, 220), 435, (41, 198), (53, 199)
_CONNECT, _PRCTL, _IOCTL, _SCHED_SETAFFINITY = (42, 203), (157, 167), (16, 29), (203, 122)
_PRLIMIT64, _SETPRIORITY, _IOPRIO_SET = (302, 261), (141, 140), (251, 30)
_SCHEDULING = (_SCHED_SETAFFINITY, (144, 119), (142, 118), (314, 274))
"""sched_setaffinity, sched_setscheduler, sched_setparam and sched_setattr: whose first argument says whose."""
_PRIO_PROCESS, _IOPRIO_WHO_PROCESS = 0, 1

_Step = tuple[int, int, int, int]
"""Operation, how far to jump if it holds, and if not, operand."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which system calls are refused on one kind of machine, and with which error."""

    machine: str
    shares_user_as: int | None = None
    """The process it is for, where its user has others within reach; else None.

    Changes of modes, owners and attributes of files then do nothing, successfully. So do changes of the
    cores and priorities of other processes, because a thread may not tell its own number from theirs
    here. Requests to file systems and limits of other processes are refused.
    """
    keeps_cores: bool = True
    """False refuses to leave the cores it is pinned to."""

    def __post_init__(self) -> None:
        if self.machine not in _ARCHITECTURES:
            raise OSError(f"boxes are made for x86_64 and aarch64, not for {self.machine}")

    def program(self) -> bytes:
        """The filter as the kernel reads it."""
        return b"".join(struct.pack("HBBI", *step) for step in self._steps())

    def refused(self) -> dict[int, int]:
        """The error each call is refused with that is refused whatever its arguments are."""
        refused = dict.fromkeys(_BOTH.values(), errno.EPERM)
        refused.update(dict.fromkeys(self._numbers(_OTHERS), errno.EPERM))
        refused.update(dict.fromkeys(self._numbers(_OUTLIVING), errno.ENOSYS))
        refused[_CLONE3] = errno.ENOSYS  # its flags lie in memory, where a filter can't look
        refused[self._of(_CONNECT)] = errno.ECONNREFUSED
        if self.shares_user_as is not None:
            refused.update(dict.fromkeys(self._numbers(_OF_OWNERS), 0))
        if not self.keeps_cores:
            refused[self._of(_SCHED_SETAFFINITY)] = errno.EPERM
        return refused

    def _steps(self) -> Iterator[_Step]:
        yield _LOAD, 0, 0, _ARCHITECTURE_AT
        yield _JUMP_EQUAL, 1, 0, _ARCHITECTURES[self.machine]
        yield _RETURN, 0, 0, _KILL
        yield _LOAD, 0, 0, _NUMBER_AT
        if self.machine == "x86_64":
            yield _JUMP_AT_LEAST, 0, 1, _X32
            yield _refusal(errno.ENOSYS)
        for number, error in sorted(self.refused().items()):
            yield _JUMP_EQUAL, 0, 1, number
            yield _refusal(error)
        for number, rule in self._rules():
            assert len(rule) <= _LONGEST_JUMP
            yield _JUMP_EQUAL, 0, len(rule), number
            yield from rule
        yield _RETURN, 0, 0, _ALLOW

    def _rules(self) -> Iterator[tuple[int, tuple[_Step, ...]]]:
        """The calls whose arguments decide; each rule ends in a verdict, since it loads over the number."""
        yield self._of(_CLONE), (_argument(0), (_JUMP_SET, 0, 1, _NEW_NAMESPACES), *_verdicts(errno.EPERM))
        yield self._of(_PRCTL), (_argument(0), (_JUMP_EQUAL, 0, 1, _PR_SET_SECCOMP), *_verdicts(errno.EPERM))
        yield self._of(_IOCTL), tuple(self._requests())
        for call in (_SOCKET, _SOCKETPAIR):
            yield self._of(call), _UNIX_STREAMS
        if self.shares_user_as is not None:
            own = self.shares_user_as
            yield self._of(_PRLIMIT64), _only_of(own, argument=0, otherwise=errno.EPERM)
            for call in _SCHEDULING:
                yield self._of(call), _only_of(own, argument=0, otherwise=0)
            for call, kind in ((_SETPRIORITY, _PRIO_PROCESS), (_IOPRIO_SET, _IOPRIO_WHO_PROCESS)):
                of_one = (_argument(0), (_JUMP_EQUAL, 1, 0, kind), _refusal(0))
                yield self._of(call), (*of_one, *_only_of(own, argument=1, otherwise=0))

    def _requests(self) -> Iterator[_Step]:
        yield _argument(1)
        yield _JUMP_EQUAL, 0, 1, _TIOCSTI
        yield _refusal(errno.EPERM)
        if self.shares_user_as is not None:
            yield _AND, 0, 0, _REQUEST_KIND
            for kind in _OF_FILE_SYSTEMS:
                yield _JUMP_EQUAL, 0, 1, kind
                yield _refusal(errno.ENOTTY)
        yield _RETURN, 0, 0, _ALLOW

    def _numbers(self, table: Mapping[str, tuple[int, int | None]]) -> Iterator[int]:
        for pair in table.values():
            number = pair[_COLUMN[self.machine]]
            if number is not None:
                yield number

    def _of(self, pair: tuple[int, int]) -> int:
        return pair[_COLUMN[self.machine]]


def install(allowed: Filter) -> None:
    """Filter this thread's system calls from now on, and those of all it starts; OSError where refused.

    Needs no-new-privileges. Of sockets, streams to one another and those already open are left.
    """
    if allowed.machine != platform.machine():
        raise OSError(f"a filter for {allowed.machine} can't be installed on {platform.machine()}")
    code = allowed.program()
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.c_char_p(head), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")


def _argument(index: int) -> _Step:
    """Load the low half of an argument, which is all the kernel looks at of these."""
    return _LOAD, 0, 0, _ARGUMENTS_AT + 8 * index


def _refusal(error: int) -> _Step:
    return _RETURN, 0, 0, _REFUSE | error


def _verdicts(error: int) -> tuple[_Step, _Step]:
    return _refusal(error), (_RETURN, 0, 0, _ALLOW)


def _only_of(own: int, *, argument: int, otherwise: int) -> tuple[_Step, ...]:
    """Allowed where an argument says 0, the caller itself, or the process `own`; else refused."""
    return (
        _argument(argument),
        (_JUMP_EQUAL, 2, 0, 0),
        (_JUMP_EQUAL, 1, 0, own),
        _refusal(otherwise),
        (_RETURN, 0, 0, _ALLOW),
    )


_UNIX_STREAMS = (
    _argument(0),
    (_JUMP_EQUAL, 1, 0, _AF_UNIX),
    _refusal(errno.EAFNOSUPPORT),
    _argument(1),
    (_AND, 0, 0, _SOCK_TYPES),
    (_JUMP_EQUAL, 1, 0, _SOCK_STREAM),
    (_JUMP_EQUAL, 0, 1, _SOCK_SEQPACKET),
    (_RETURN, 0, 0, _ALLOW),
    _refusal(errno.EPERM),  # datagrams can name whom they go to in memory, where a filter can't look
)
