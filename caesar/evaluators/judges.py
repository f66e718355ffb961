"""The supervisor's side of a judge: a process for a problem on a device, asked about candidates one by one."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from caesar.errors import Fault
from caesar.evaluators.protocol import (
    Assignment,
    Baselines,
    Contest,
    Described,
    Measure,
    Message,
    Reached,
    Report,
    Unusable,
    decode_message,
    encode,
)
from caesar.sandbox.box import Box, Tier
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.zygote import Zygote

__all__ = ["Judge", "JudgeLost"]

_TARGET = "caesar.evaluators.judge:main"
_LENGTH = struct.Struct("!I")
_MESSAGE_BYTES = 64 << 20
_OUTPUT_BYTES = 1 << 20
_FOR_EVER_S = 7 * 86_400.0


class JudgeLost(Exception):  # noqa: N818 - told on as a fault, with what the process left
    """The judge's process ended, or said what it can't say."""

    def __init__(self, words: str) -> None:
        super().__init__(words)


@dataclass(slots=True)
class Judge:
    """A judge's process and the supervisor's end of its control socket."""

    key: object
    """What it was started for: another problem, or other settings, need another judge."""
    described: Described | Unusable | None
    _folder: Path
    _control: socket.socket
    _theirs: socket.socket
    _task: asyncio.Task[Ended]
    _end: asyncio.Future[None]

    @classmethod
    def start(
        cls,
        zygote: Zygote,
        assignment: Assignment,
        *,
        key: object,
        folder: Path,
        env: Mapping[str, str],
        cpus: tuple[int, ...] | None = None,
    ) -> Self:
        """Start one, in a folder that is its own from now on, on these cores; it gets ready by itself."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.setblocking(False)
        job = Job(
            _TARGET,
            msgspec.json.encode(assignment),
            folder,
            limit_s=_FOR_EVER_S,
            output_bytes=_OUTPUT_BYTES,
            env=env,
            descriptors=(theirs.fileno(),),
            box=Box(Tier.NONE, cpus=cpus),
        )
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(zygote.run(job, expired=end))
        return cls(key, None, folder, ours, theirs, task, end)

    @property
    def has_ended(self) -> bool:
        """Whether its process is gone, which is not to be expected before end()."""
        return self._task.done()

    async def ready(self) -> Described | Unusable:
        """What it runs on, or why it can judge nobody; JudgeLost where it ended first."""
        if self.described is None:
            message = await self._read()
            if not isinstance(message, Described | Unusable):
                raise JudgeLost(f"it said {type(message).__name__} before it was ready")
            self.described = message
        return self.described

    def judge(self, order: Contest, link: socket.socket) -> None:
        """Have it judge the candidate at the other end of the link."""
        socket.send_fds(self._control, [encode(order)], [link.fileno()])

    async def report(self, *, progress: Callable[[Reached], None]) -> Report:
        """Its account of the candidate, once that is judged; JudgeLost where it ended first."""
        while True:
            match await self._read():
                case Report() as report:
                    return report
                case Reached() as reached:
                    progress(reached)
                case other:
                    raise JudgeLost(f"it said {type(other).__name__} in the middle of a contest")

    async def measure(self, names: tuple[str, ...]) -> Baselines:
        """Its reference's times, run in these ways; JudgeLost where it ended first."""
        await asyncio.get_running_loop().sock_sendall(self._control, encode(Measure(names)))
        message = await self._read()
        if not isinstance(message, Baselines):
            raise JudgeLost(f"it said {type(message).__name__} where baselines were due")
        return message

    async def end(self) -> Ended | None:
        """Kill it and all it started, and remove its folder; None where the sandbox itself has failed."""
        if not self._end.done():
            self._end.set_result(None)
        try:
            return await self._task
        except Fault:
            return None
        finally:
            self._control.close()
            self._theirs.close()
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _read(self) -> Message:
        """The next message; whatever the process said before it ended counts."""
        reading = asyncio.ensure_future(self._message())
        try:
            await asyncio.wait({reading, self._task}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                self._theirs.close()  # the last copy, the process being gone: what it left has an end
            return await reading
        finally:
            if reading.cancel():  # the loop must not go on watching a socket that will be closed
                await asyncio.wait({reading})

    async def _message(self) -> Message:
        (length,) = _LENGTH.unpack(await self._exactly(_LENGTH.size))
        if length > _MESSAGE_BYTES:
            raise JudgeLost("it said more than it can have to say")
        message = decode_message(await self._exactly(length))
        if message is None:
            raise JudgeLost("it said what can't be read")
        return message

    async def _exactly(self, count: int) -> bytes:
        loop = asyncio.get_running_loop()
        chunks = bytearray()
        while len(chunks) < count:
            try:
                chunk = await loop.sock_recv(self._control, count - len(chunks))
            except ConnectionError:  # it died with an order unread
                chunk = b""
            if not chunk:
                await asyncio.wait({self._task})
                raise JudgeLost(_words(self._task))
            chunks += chunk
        return bytes(chunks)


def _words(task: asyncio.Task[Ended]) -> str:
    """How the process ended, and the end of what it printed."""
    if task.exception() is not None:
        return str(task.exception())
    ended = task.result()
    return f"{_end(ended)}: {ended.output.strip()[-500:] or 'it said nothing'}"


def _end(ended: Ended) -> str:
    if ended.how is not How.SIGNALLED:
        return f"it {ended.how} with {ended.code}"
    hint = (
        ", as where memory runs out: the problem may be too large here" if ended.code == signal.SIGKILL else ""
    )
    return f"signal {ended.code} ended it{hint}"
