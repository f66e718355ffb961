"""Refusing files, TCP, signals and other processes by landlock, as far as this kernel's version goes."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from caesar.sandbox.linux import system_call

__all__ = ["Rules", "restrict", "version"]

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_BASIC = (1 << 13) - 1
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_DEVICE = _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV
_TCP = 0b11
_SCOPES = 0b11
_REFER_SINCE, _TRUNCATE_SINCE, _TCP_SINCE, _IOCTL_SINCE, _SCOPE_SINCE = 2, 3, 4, 5, 6


@dataclass(frozen=True, slots=True)
class Rules:
    """What stays allowed; everything else that landlock knows is refused."""

    reads: tuple[Path, ...]
    writes: tuple[Path, ...]
    """Folders in which everything may be done."""
    devices: tuple[Path, ...]
    """Nodes that may be read, written and sent requests."""
    changes: tuple[Path, ...] = ()
    """Folders whose existing files may be written."""


def version() -> int:
    """The kernel's version of landlock; 0 where it has none, or it is switched off."""
    try:
        return system_call(_CREATE_RULESET, None, 0, _VERSION_FLAG, what="landlock")
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            return 0
        raise


def restrict(rules: Rules) -> None:
    """Hold this thread to the rules, and all it starts; OSError where landlock is missing.

    Paths that don't exist are passed over. What is open already stays usable; so do, before version 4,
    TCP, and before version 6, signals to processes of the same user.
    """
    level = version()
    if level == 0:
        raise OSError(errno.ENOSYS, "this kernel has no landlock, or it is switched off")
    handled = _handled(level)
    ruleset = system_call(_CREATE_RULESET, *_attributes(level, handled), 0, what="landlock")
    try:
        _allow(ruleset, rules.reads, handled & _READ)
        _allow(ruleset, rules.writes, handled)
        _allow(ruleset, rules.devices, handled & _DEVICE)
        _allow(ruleset, rules.changes, handled & (_READ | _WRITE_FILE | _TRUNCATE))
        system_call(_RESTRICT_SELF, ruleset, 0, what="landlock")
    finally:
        os.close(ruleset)


def _handled(level: int) -> int:
    since = ((_REFER, _REFER_SINCE), (_TRUNCATE, _TRUNCATE_SINCE), (_IOCTL_DEV, _IOCTL_SINCE))
    return _BASIC | sum(right for right, first in since if level >= first)


def _attributes(level: int, handled: int) -> tuple[ctypes.c_char_p, int]:
    """The ruleset's description and its size, which tells the kernel which version is meant."""
    words = [handled]
    if level >= _TCP_SINCE:
        words.append(_TCP)
    if level >= _SCOPE_SINCE:
        words.append(_SCOPES)
    packed = struct.pack(f"{len(words)}Q", *words)
    return ctypes.c_char_p(packed), len(packed)


def _allow(ruleset: int, paths: Iterable[Path], rights: int) -> None:
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        try:
            _allow_below(ruleset, descriptor, rights)
        finally:
            os.close(descriptor)


def _allow_below(ruleset: int, descriptor: int, rights: int) -> None:
    is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
    rule = struct.pack("=Qi", rights if is_folder else rights & _OF_FILES, descriptor)
    system_call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.c_char_p(rule), 0, what="a landlock rule")
