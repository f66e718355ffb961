"""The supervisor's side of the sandbox: a process with everything imported that forks a child per job.

Nothing a child sends is unpickled, and nothing of the supervisor reaches it: neither environment nor
descriptors nor memory. What else is kept from it is up to the job's box.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from caesar.errors import Fault
from caesar.sandbox.environment import clean_environment, zygote_environment
from caesar.sandbox.folders import job_folder
from caesar.sandbox.job import Ended, Job
from caesar.sandbox.order import READY, Order, send
from caesar.sandbox.session import Session

__all__ = ["Zygote"]

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from caesar.sandbox.zygote_main import main;"
    " main(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])"
)
_BUSY_S = 0.01
_COMPLAINT_BYTES = 2000


class Zygote:
    """Runs jobs, many at once, each in a child of its own; an async context manager, one per run.

    The process behind it starts with the block and again after a death, from the main thread only:
    the kernel ends it with the thread that started it. A job's whole tree is dead when run() returns.
    What is preloaded has to be there, but for names that end in a question mark.
    """

    def __init__(self, *, preload: Sequence[str] = ("torch",), env: Mapping[str, str] | None = None) -> None:
        self._preload = tuple(preload)
        self._environment = clean_environment(os.environ if env is None else env)
        self._process: _Process | None = None
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._process = self._started()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()

    async def run(self, job: Job, *, expired: asyncio.Future[None] | None = None) -> Ended:
        """How the job ended; cancelling kills all it started and returns when that is gone.

        Once `expired` is done the job's time is up, whatever its limit says. Fault where the zygote
        can't be started or dies; the next job starts another.
        """
        process = await self._ready()
        session = _open(job, self._environment)
        try:
            await process.fork(session.order)
        finally:
            session.order.close()
        return await session.end(expired)

    async def _ready(self) -> _Process:
        async with self._starting:
            if self._process is None:
                raise RuntimeError("a zygote runs jobs inside its `async with` block only")
            if not self._process.alive:
                self._process.close()
                self._process = self._started()
            await self._process.ready()
            return self._process

    def _started(self) -> _Process:
        try:
            return _Process(self._preload, self._environment)
        except OSError as error:
            raise Fault("sandbox", f"the zygote could not start: {error}") from error


class _Process:
    """One zygote process: started, spoken to over its control socket, killed."""

    def __init__(self, preload: Sequence[str], environment: Mapping[str, str]) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("start a zygote from the main thread: the kernel ends it with its thread")
        self._is_ready = False
        self._folders = ExitStack()
        home = self._folders.enter_context(job_folder("zygote"))
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        with theirs:
            self._popen = subprocess.Popen(
                _command(theirs.fileno(), preload),
                env=zygote_environment(environment, home=str(home)),
                cwd=home,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=self._complaints,
                stderr=self._complaints,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    async def ready(self) -> None:
        """Return once the process can fork; Fault, with its own words, if it ended instead."""
        if self._is_ready:
            return
        said = await asyncio.get_running_loop().sock_recv(self._control, len(READY))
        if said != READY:
            raise Fault("sandbox", f"the zygote could not start: {self._complaint()}")
        self._is_ready = True

    async def fork(self, order: Order) -> None:
        """Ask for a child; a dead zygote shows in the order's link."""
        while True:
            try:
                send(self._control, order)
            except BlockingIOError:
                await asyncio.sleep(_BUSY_S)
            except OSError:
                return
            else:
                return

    def close(self) -> None:
        """Kill the process, and with it whatever still runs below it; return when it is gone."""
        self._popen.kill()
        self._popen.wait()
        self._control.close()
        self._complaints.close()
        self._folders.close()

    def _complaint(self) -> str:
        size = self._complaints.seek(0, os.SEEK_END)
        self._complaints.seek(max(0, size - _COMPLAINT_BYTES))
        return self._complaints.read().decode("utf-8", "replace").strip() or "it said nothing"


def _open(job: Job, environment: Mapping[str, str]) -> Session:
    try:
        return Session(job, environment)
    except OSError as error:
        raise Fault("sandbox", f"a job's channels could not be opened: {error}") from error


def _command(control: int, preload: Sequence[str]) -> list[str]:
    """Isolated from PYTHON* variables and the current folder; modules are found where we find them.

    Unbuffered, so that what a child printed before it crashed is not lost with it.
    """
    paths = json.dumps([str(Path(path).absolute()) for path in sys.path])
    return [sys.executable, "-I", "-u", "-c", _BOOT, paths, str(control), str(os.getpid()), *preload]
