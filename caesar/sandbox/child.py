"""The child's side: from a fork of the keeper to a call of the job's target, confined on the way."""

from __future__ import annotations

import importlib
import os
import resource
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Never

from caesar.sandbox.box import Box, Tier
from caesar.sandbox.confine import Confinement, confine, give_up_user
from caesar.sandbox.forks import close_all_but, default_signals
from caesar.sandbox.frames import send_frame
from caesar.sandbox.linux import die_with, die_with_parent, forbid_new_privileges
from caesar.sandbox.namespaces import stand_by
from caesar.sandbox.order import Call, Order
from caesar.sandbox.root import Root, enter_root
from caesar.sandbox.runtime import environment_paths, module_paths, outermost

__all__ = ["Start", "run_child", "run_first"]

_FILE_BYTES = 4 << 30
_OPEN_FILES = 4096
_DATA_SHARE, _DATA_BYTES = 2, 1 << 30
"""How much more than it has a process may ask for: so many times what the job may hold, and this."""
_BURST = 32
"""How many processes above its limit a job may start before the keeper looks again."""
_NO_CORE = 1
"""Too few bytes for a core file, and what tells the kernel to start no program for it; 0 doesn't."""
_FIRST = 1


@dataclass(frozen=True, slots=True)
class Start:
    """What a child is started with."""

    order: Order
    call: Call
    gate: int
    """A byte comes once the child's users are set up, another once it is counted; its end is the keeper's."""
    runtime: tuple[Path, ...]
    number: int | None
    """The user and group to become; None to stay."""


def run_child(start: Start, *, keeper: int) -> Never:
    """Confine this process, call the target with the payload, and end with the call's status.

    OSError where confining fails; nothing of the job has run then, and the link is still open.
    """
    _begin(start, kept=())
    confinement = _confinement(start)
    _wait(start)
    _run(start, confinement, parent=keeper)


def run_first(start: Start, status: int) -> Never:
    """As the first process of fresh namespaces: make its root, start the job's child there, and stand by."""
    _begin(start, kept=(status,))
    confinement = _confinement(start)
    box, call = start.call.box, start.call
    user = os.geteuid() if start.number is None else start.number
    enter_root(Root(box, confinement.reads, call.folder, user))
    _wait(start)
    child = os.fork()
    if child != 0:
        stand_by(child, status)
    os.close(status)
    _run(start, confinement, parent=_FIRST)


def _begin(start: Start, *, kept: tuple[int, ...]) -> None:
    """Shed what was inherited, and wait for the keeper to have set up users."""
    default_signals()
    close_all_but({0, 1, 2, start.gate, *kept, *start.order.descriptors})
    die_with()
    _wait(start)
    with suppress(OSError):  # not writable everywhere; then the kernel chooses by size
        Path("/proc/self/oom_score_adj").write_text("1000")
    if start.call.box.tier is not Tier.NONE:
        with suppress(ImportError):  # the call says so again, where it is printed
            importlib.import_module(start.call.module)


def _wait(start: Start) -> None:
    """Until the keeper says to go on."""
    if not os.read(start.gate, 1):
        os._exit(1)


def _confinement(start: Start) -> Confinement:
    call = start.call
    module = module_paths(call.module.partition(".")[0])
    reads = outermost((*start.runtime, *environment_paths(call.env), *module, *call.box.reads))
    return Confinement(call.box, call.folder, reads, start.number)


def _run(start: Start, confinement: Confinement, *, parent: int) -> Never:
    order, call = start.order, start.call
    os.close(start.gate)
    os.setsid()
    _connect(order)
    _limit(call.box, counted=call.box.tier is Tier.NAMESPACE or start.number is not None)
    os.environ.clear()
    os.environ.update(call.env)
    tempfile.tempdir = None  # what the zygote imported may have asked where temporary files go there
    if call.box.tier is Tier.NONE:
        forbid_new_privileges()
    else:
        give_up_user(confinement)
    die_with_parent(parent)
    os.chdir(call.folder)
    if call.box.tier is not Tier.NONE:
        confine(confinement)
    os.close(order.link)
    status = 1
    try:
        status = _status_of(call, partial(send_frame, order.reply), order.given)
    finally:  # an exception of the target's can raise another while it is printed
        os._exit(status)


def _connect(order: Order) -> None:
    """The output on stdout and stderr, the reply and what is given open here but not in what this execs."""
    os.dup2(order.output, 1)
    os.dup2(order.output, 2)
    for descriptor in (order.reply, order.link, *order.given):
        os.set_inheritable(descriptor, False)
    for descriptor in (order.output, order.spec):
        os.close(descriptor)


def _limit(box: Box, *, counted: bool) -> None:
    """The limits of each process; processes only where this user's are the job's alone."""
    _cap(resource.RLIMIT_CORE, _NO_CORE)
    if box.file_bytes is not None:
        _cap(resource.RLIMIT_FSIZE, box.file_bytes)
    if box.disk_bytes is not None:
        _cap(resource.RLIMIT_FSIZE, _file_bytes(box.disk_bytes, box.tier))
    _cap(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if box.processes is not None and counted:
        _cap(resource.RLIMIT_NPROC, box.processes + _BURST)
    if box.memory_bytes is not None and not box.devices:  # drivers reserve far more than they use
        _cap(resource.RLIMIT_DATA, _data_bytes() + _DATA_SHARE * box.memory_bytes + _DATA_BYTES)
    if box.cpus is not None:
        os.sched_setaffinity(0, box.cpus)


def _file_bytes(disk_bytes: int, tier: Tier) -> int:
    """How long a file may be; in namespaces the folder itself is bounded, and memory files needn't be."""
    return _FILE_BYTES if tier is Tier.NAMESPACE else min(_FILE_BYTES, disk_bytes)


def _cap(which: int, most: int) -> None:
    _soft, hard = resource.getrlimit(which)
    capped = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (capped, capped))


def _data_bytes() -> int:
    """What this process has asked for already."""
    pages = Path("/proc/self/statm").read_text().split()[5]
    return int(pages) * resource.getpagesize()


def _status_of(call: Call, reply: Callable[[bytes], None], given: tuple[int, ...]) -> int:
    try:
        _target(call.target)(call.payload, reply, *given)
    except SystemExit as ended:
        return _exit_status(ended.code)
    except BaseException as error:  # noqa: BLE001 - whatever ends the target is this process's end: print it, exit 1
        traceback.print_exception(error.with_traceback(_below_this(error.__traceback__)))
        return 1
    finally:
        _flush()
    return 0


def _target(name: str) -> Callable[..., None]:
    module, _colon, function = name.partition(":")
    return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]


def _below_this(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frame of this module."""
    return trace.tb_next if trace else None


def _exit_status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # the target may have closed or replaced it
            stream.flush()
