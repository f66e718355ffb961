"""The few Linux calls that Python has no name for, each an OSError that names it where the kernel refuses."""

from __future__ import annotations

import ctypes
import os
import platform
import signal

__all__ = [
    "bar_capabilities",
    "become_subreaper",
    "clone",
    "die_with",
    "die_with_parent",
    "drop_capabilities",
    "forbid_new_privileges",
    "set_readable_by_its_user",
    "system_call",
]

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITIES = 64
_CAPABILITY_VERSION = 0x20080522
_NUMBERS = {"x86_64": {"clone": 56, "capset": 126}, "aarch64": {"clone": 220, "capset": 91}}


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent's forking thread ends; end now if it already has.

    The kernel forgets this across a change of user and an exec of a set-user-id program.
    """
    die_with()
    if os.getppid() != parent:
        os._exit(1)


def die_with() -> None:
    """Have the kernel kill this process when its parent ends; the caller sees to a parent already gone."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def become_subreaper() -> None:
    """Become the parent of every descendant whose own parent ends, daemons included."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def forbid_new_privileges() -> None:
    """Let no exec grant more rights than this process has, so that it can always be killed."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def set_readable_by_its_user(readable: bool) -> None:  # noqa: FBT001 - the one thing it sets
    """Whether this process's files in /proc are its user's, and other processes of that user may trace it."""
    _prctl(_PR_SET_DUMPABLE, int(readable))


def bar_capabilities() -> None:
    """Let no exec ever grant a capability; where this process has none, no-new-privileges has to do."""
    libc = ctypes.CDLL(None)
    for capability in range(_CAPABILITIES):  # those that don't exist are refused
        libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)


def drop_capabilities() -> None:
    """Give up every capability that this process has."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    system_call(_number("capset"), header, (ctypes.c_uint32 * 6)(), what="dropping capabilities")


def clone(namespaces: int) -> int:
    """Like os.fork(), with new namespaces for the child; for processes with one thread only.

    The child is to fork again before it does much: the C library thinks it is still its parent.
    """
    libc = ctypes.PyDLL(None, use_errno=True)  # which keeps hold of Python's lock: the child has one thread
    pid = libc.syscall(_long(_number("clone")), _long(namespaces | signal.SIGCHLD), *[_long(0)] * 4)
    if pid < 0:
        raise _refused("new namespaces")
    return int(pid)


def system_call(number: int, *arguments: object, what: str) -> int:
    """The result of a system call; OSError that says what was refused."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    given = [_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    result = libc.syscall(_long(number), *given)
    if result < 0:
        raise _refused(what)
    return int(result)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise _refused(f"prctl option {option}")


def _refused(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


def _number(name: str) -> int:
    try:
        return _NUMBERS[platform.machine()][name]
    except KeyError:
        raise OSError(f"boxes are made for x86_64 and aarch64, not for {platform.machine()}") from None


def _long(number: int) -> ctypes.c_long:
    return ctypes.c_long(number)
