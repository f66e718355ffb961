"""What the sandbox's tests run in children; named by their targets, never imported by tests."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Never

Reply = Callable[[bytes], None]


def echo(payload: bytes, reply: Reply) -> None:
    reply(payload)


def answer_on_what_is_given(payload: bytes, reply: Reply, *descriptors: int) -> None:
    for descriptor in descriptors:
        os.write(descriptor, payload)
    reply(" ".join(str(os.get_inheritable(descriptor)) for descriptor in descriptors).encode())


def twice(payload: bytes, reply: Reply) -> None:
    reply(payload[:1])
    reply(payload[1:])


def describe(_payload: bytes, reply: Reply) -> None:
    reply(str(Path.cwd()).encode())
    reply("\0".join(f"{name}={value}" for name, value in os.environ.items()).encode())
    reply(Path("/proc/self/environ").read_bytes())
    reply(" ".join(path.name for path in Path("/proc/self/fd").iterdir()).encode())
    reply(str(os.getsid(0) == os.getpid()).encode())
    reply(sys.stdin.read().encode())


def complain(_payload: bytes, _reply: Reply) -> None:
    sys.stdout.write("to stdout\n")
    sys.stdout.flush()
    raise ValueError("on purpose")


def complain_bitingly(_payload: bytes, _reply: Reply) -> None:
    """Raises what raises again when it is looked at."""

    class BitingError(Exception):
        def with_traceback(self, _trace: object) -> Never:
            raise OSError("the sandbox itself is broken")

    raise BitingError


def exit_with(payload: bytes, reply: Reply) -> None:
    reply(b"before")
    sys.exit(int(payload) if payload.isdigit() else payload.decode() or None)


def exit_at_once(payload: bytes, _reply: Reply) -> None:
    os._exit(int(payload))


def signal_itself(payload: bytes, _reply: Reply) -> None:
    os.kill(os.getpid(), int(payload))


def sleep(_payload: bytes, _reply: Reply) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(600)


def flood(_payload: bytes, _reply: Reply) -> None:
    while True:
        os.write(1, b"y\n" * 5000)


def flood_replies(_payload: bytes, reply: Reply) -> None:
    while True:
        reply(b"x" * 10_000)


def claim_a_huge_reply(_payload: bytes, reply: Reply) -> None:
    os.write(reply.args[0], b"\xff\xff\xff\xff")  # type: ignore[attr-defined]
    time.sleep(600)


def print_head_and_tail(_payload: bytes, _reply: Reply) -> None:
    sys.stdout.write("head" + "." * 400_000 + "tail")


def kill_keeper(payload: bytes, _reply: Reply) -> None:
    _daemon(Path(payload.decode()))
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


def kill_zygote(payload: bytes, _reply: Reply) -> None:
    _daemon(Path(payload.decode()))
    keeper = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()
    os.kill(int(keeper[1]), signal.SIGKILL)
    time.sleep(600)


def leave_processes(payload: bytes, reply: Reply) -> None:
    """A child, one in a session of its own, a stopped one, and a daemon; their pids go into the folder."""
    pids = Path(payload.decode())
    for detached in (False, True):
        process = subprocess.Popen(["sleep", "600"], start_new_session=detached)
        (pids / str(process.pid)).touch()
    os.kill(process.pid, signal.SIGSTOP)
    _daemon(pids)
    reply(b"left")


def leave_processes_and_sleep(payload: bytes, reply: Reply) -> None:
    leave_processes(payload, reply)
    time.sleep(600)


def leave_a_respawner(payload: bytes, reply: Reply) -> None:
    """A process that lives on in a new pid every few milliseconds, and says so in the folder."""
    pids = Path(payload.decode())
    if os.fork() == 0:
        os.setsid()
        while os.fork() == 0:
            (pids / str(os.getpid())).touch()
            time.sleep(0.002)
        os._exit(0)
    while len(list(pids.iterdir())) < 3:
        time.sleep(0.002)
    reply(b"left")


def _daemon(pids: Path) -> None:
    ready, done = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            (pids / str(os.getpid())).touch()
            os.close(done)
            time.sleep(600)
        os._exit(0)
    os.close(done)
    os.read(ready, 1)


def crash(_payload: bytes, _reply: Reply) -> None:
    sys.stdout.write("before the crash\n")
    ctypes.string_at(0)


def import_a_candidate(payload: bytes, reply: Reply) -> None:
    import inspect

    from caesar.sandbox.candidate import MODULE, load_candidate

    module = load_candidate(payload.decode(), folder=Path.cwd(), name=MODULE)
    os.chdir("/")
    reply(inspect.getsource(module.ModelNew).encode())
    reply(inspect.getsource(module.ModelNew.forward).encode())
