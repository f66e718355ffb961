"""The probe's job: tries, in a box, what must work and what must be refused, and says how that went.

What it would take from the supervisor it takes from a stand-in, or only asks for.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from caesar.sandbox.linux import system_call

__all__ = ["TARGET", "Attempt", "Findings", "arrive", "attempt"]

TARGET = "caesar.sandbox.probing:attempt"

_SEIZE = 0x4206
"""A ptrace that doesn't stop what it takes hold of, should it succeed."""
_LEAST_PRIORITY = 19
_IOPRIO_PROCESS, _IOPRIO_IDLE = 1, 3 << 13
_NUMBERS = {"ioprio_set": (251, 30), "ioprio_get": (252, 31)}
"""On x86_64 and on aarch64."""
_TIMEOUT_S = 1.0
_ELEMENTS = 1024


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is to be tried."""

    canary: str
    """A file that every user may read and the box doesn't show."""
    port: int
    """Where somebody listens on the loopback."""
    supervisor: int
    processes: str
    """The supervisor's pid namespace: in another one its number means somebody else."""
    cuda: bool
    hostile: bool
    """Whether to try what must be refused."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What went as it must not."""

    user: int
    failed: dict[str, str]
    """What must work and did not, with the error."""
    allowed: tuple[str, ...] = ()
    """What must be refused and was not."""


def attempt(payload: bytes, reply: Callable[[bytes], None]) -> None:
    """Try it all."""
    given = Attempt(**json.loads(payload))
    failed = {name: error for name, work in _works(given) if (error := _error_of(work))}
    allowed = tuple(name for name, attack in _attacks(given) if _error_of(attack) is None)
    reply(json.dumps(asdict(Findings(os.getuid(), failed, allowed))).encode())


def arrive(_payload: bytes, reply: Callable[[bytes], None]) -> None:
    """Say when this was reached, by the clock that all processes share."""
    reply(str(time.monotonic()).encode())


def arrive_on_the_gpu(_payload: bytes, reply: Callable[[bytes], None]) -> None:
    """Say when this process had a context on its GPU, and had computed there."""
    _compute(sys.modules["torch"], "cuda")
    reply(str(time.monotonic()).encode())


def _works(given: Attempt) -> list[tuple[str, Callable[[], object]]]:
    works: list[tuple[str, Callable[[], object]]] = [
        ("writing its folder", _write_a_file),
        ("starting a process", _fork),
    ]
    torch = sys.modules.get("torch")
    if torch:
        works.append(("computing with torch", lambda: _compute(torch, "cpu")))
    if given.cuda:
        works.append(("running a kernel on the GPU", lambda: _compute(torch, "cuda")))
    return works


def _attacks(given: Attempt) -> list[tuple[str, Callable[[], object]]]:
    if not given.hostile:
        return []
    attacks: list[tuple[str, Callable[[], object]]] = [
        ("reading a file outside the box", lambda: Path(given.canary).read_bytes()),
        ("connecting to a local port", lambda: _connect(given.port)),
    ]
    if given.processes == str(Path("/proc/self/ns/pid").readlink()):
        environment = Path(f"/proc/{given.supervisor}/environ")
        attacks += [
            ("reading the supervisor's environment", environment.read_bytes),
            ("signalling the supervisor", lambda: os.kill(given.supervisor, 0)),
            ("tracing the supervisor", lambda: _trace(given.supervisor)),
            *_attacks_on_settings(os.getppid()),
        ]
    return attacks


def _attacks_on_settings(keeper: int) -> list[tuple[str, Callable[[], object]]]:
    """What a process could do to others of its user without a signal; the keeper stands in for those."""
    slower = min(_LEAST_PRIORITY, os.getpriority(os.PRIO_PROCESS, keeper) + 1)
    core = min(os.sched_getaffinity(0))
    return [
        ("reading the first process's limits", lambda: resource.prlimit(1, resource.RLIMIT_NOFILE)),
        ("reading its keeper's limits", lambda: resource.prlimit(keeper, resource.RLIMIT_NOFILE)),
        (
            "pinning its keeper to a core",
            lambda: _change(lambda: os.sched_getaffinity(keeper), lambda: os.sched_setaffinity(keeper, {core})),
        ),
        (
            "lowering its keeper's priority",
            lambda: _change(
                lambda: os.getpriority(os.PRIO_PROCESS, keeper),
                lambda: os.setpriority(os.PRIO_PROCESS, keeper, slower),
            ),
        ),
        (
            "lowering its keeper's priority at the disk",
            lambda: _change(lambda: _io_priority(keeper), lambda: _idle_at_the_disk(keeper)),
        ),
    ]


def _change(look: Callable[[], object], change: Callable[[], object]) -> None:
    """Change something; OSError where that is refused, or claims to work and does nothing."""
    before = look()
    change()
    if look() == before:
        raise OSError("nothing changed")


def _io_priority(pid: int) -> int:
    return system_call(_number("ioprio_get"), _IOPRIO_PROCESS, pid, what="ioprio_get")


def _idle_at_the_disk(pid: int) -> None:
    system_call(_number("ioprio_set"), _IOPRIO_PROCESS, pid, _IOPRIO_IDLE, what="ioprio_set")


def _number(name: str) -> int:
    return _NUMBERS[name][platform.machine() == "aarch64"]


def _error_of(work: Callable[[], object]) -> str | None:
    try:
        work()
    except (OSError, RuntimeError, AttributeError) as error:  # torch's own are RuntimeErrors
        return str(error) or type(error).__name__
    return None


def _write_a_file() -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x")


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    if status != 0:
        raise OSError(f"it ended with status {status}")


def _compute(torch: Any, device: str) -> None:
    total = torch.ones(_ELEMENTS, device=device).add(1).sum().item()
    if total != 2 * _ELEMENTS:
        raise OSError(f"the result was {total}, not {2 * _ELEMENTS}")


def _connect(port: int) -> None:
    with suppress(ValueError), socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S):
        pass


def _trace(pid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(ctypes.c_long(_SEIZE), ctypes.c_long(pid), None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
