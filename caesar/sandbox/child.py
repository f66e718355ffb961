"""The child's side: from a fork of the keeper to a call of the job's target, confined on the way."""

from __future__ import annotations

import importlib
import os
import resource
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Never

from caesar.sandbox.forks import close_all_but, default_signals
from caesar.sandbox.frames import send_frame
from caesar.sandbox.linux import die_with_parent, forbid_new_privileges
from caesar.sandbox.order import Call, Order

__all__ = ["run_child"]

_FILE_BYTES = 4 << 30
_OPEN_FILES = 4096


def run_child(order: Order, *, keeper: int) -> Never:
    """Confine this process, call the target with the payload, and end with the call's status.

    OSError where confining fails; nothing of the job has run then, and the link is still open.
    """
    default_signals()
    close_all_but({0, 1, 2, *order.descriptors})
    os.setsid()
    die_with_parent(keeper)
    forbid_new_privileges()
    call = Call.read(order.spec)
    _connect(order)
    _limit()
    _enter(call.folder, call.env)
    os.close(order.link)
    os._exit(_status_of(call, partial(send_frame, order.reply), order.given))


def _connect(order: Order) -> None:
    """The output on stdout and stderr, the reply and what is given open here but not in what this execs."""
    os.dup2(order.output, 1)
    os.dup2(order.output, 2)
    for descriptor in (order.reply, order.link, *order.given):
        os.set_inheritable(descriptor, False)
    for descriptor in (order.output, order.spec):
        os.close(descriptor)


def _limit() -> None:
    for which, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        _soft, hard = resource.getrlimit(which)
        capped = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (capped, capped))
    with suppress(OSError):  # not writable everywhere; then the kernel chooses by size
        Path("/proc/self/oom_score_adj").write_text("1000")


def _enter(folder: Path, env: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)


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
