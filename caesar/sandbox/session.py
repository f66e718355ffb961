"""One job as the supervisor sees it: its channels, its limits, its end."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Protocol

from caesar.errors import Fault
from caesar.sandbox.box import Tier
from caesar.sandbox.frames import Frames
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.order import Call, Order
from caesar.sandbox.output import Output
from caesar.sandbox.report import Report

__all__ = ["GIVE_UP_S", "Session"]

GIVE_UP_S = 20.0
"""How long to wait for the end of a job that was told to end, before it is called lost."""

_CHUNK = 1 << 16
_PIPE_CHUNKS = 16
"""No pipe holds more; a bound, because whoever fills one may be lost and alive."""
_REPORT_BYTES = 4096


class _Sink(Protocol):
    def feed(self, chunk: bytes) -> bool:
        """Take more of a stream; False once that was too much."""


class Session:
    """The supervisor's ends of a job's channels, read until nothing of the job is left.

    Whoever makes one sends its order and closes that, then awaits end().
    """

    def __init__(self, job: Job, environment: Mapping[str, str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit_s = job.limit_s
        self._boxed = job.box.tier is not Tier.NONE
        given = tuple(map(os.dup, job.descriptors))
        self._link, link = socket.socketpair()
        output_end, output = os.pipe()
        reply_end, reply = os.pipe()
        self.order = Order(Call.of(job, environment).write(), link.detach(), output, reply, given)
        self._output = Output(job.output_bytes)
        self._replies = Frames(job.reply_bytes)
        self._reports = Frames(_REPORT_BYTES)
        self._streams: dict[int, tuple[_Sink, How]] = {
            output_end: (self._output, How.OUTPUT_LIMIT),
            reply_end: (self._replies, How.REPLY_LIMIT),
        }
        self._limit: How | None = None
        self._gone: asyncio.Future[float] = self._loop.create_future()
        self._give_up: asyncio.TimerHandle | None = None
        self._started = time.monotonic()
        self._listen()

    async def end(self, expired: asyncio.Future[None] | None = None) -> Ended:
        """How the job ended; cancelling kills it, and is through once nothing of it is left.

        Its time is up when its limit has passed, or when `expired` is done.

        Fault where the zygote died, where a box's keeper or first process did, or where the job's end
        can't be had within GIVE_UP_S. Without a box a child can kill its keeper: it counts as killed then.
        """
        timer = self._loop.call_later(self._limit_s, self._kill, How.TIMED_OUT)
        if expired is not None:
            expired.add_done_callback(lambda _: self._kill(How.TIMED_OUT))
        try:
            seconds = await asyncio.shield(self._gone)
        except asyncio.CancelledError:
            self._hang_up()
            await asyncio.shield(self._gone)
            raise
        finally:
            timer.cancel()
        return self._ended(seconds)

    def _ended(self, seconds: float) -> Ended:
        reports = self._reports.whole
        if not reports:
            raise Fault("sandbox", "the zygote died or stopped while a job ran; try the job again")
        report = Report.decode(reports[0])
        if report.fault:
            raise Fault("sandbox", f"a job could not be run: {report.fault}")
        if report.swept and self._boxed and not report.survivors:
            raise Fault(
                "sandbox", "a job's keeper was killed, which nothing in a box can do; try the job again"
            )
        how, code = (self._limit, 0) if self._limit else (report.how, report.code)
        return Ended(how, code, self._replies.whole, self._output.text, seconds, report.survivors)

    def _listen(self) -> None:
        self._link.setblocking(False)
        self._loop.add_reader(self._link, self._read_link)
        for descriptor in self._streams:
            os.set_blocking(descriptor, False)
            self._loop.add_reader(descriptor, partial(self._read_stream, descriptor))

    def _read_link(self) -> None:
        try:
            chunk = self._link.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if chunk:
            self._reports.feed(chunk)
        else:
            self._close()

    def _read_stream(self, descriptor: int) -> None:
        """Take what there is, up to a chunk."""
        sink, limit = self._streams[descriptor]
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            self._loop.remove_reader(descriptor)
        elif not sink.feed(chunk):
            self._kill(limit)

    def _kill(self, limit: How) -> None:
        """End the job for a limit; the first limit is the one that counts."""
        self._limit = self._limit or limit
        self._hang_up()

    def _hang_up(self) -> None:
        if self._give_up or self._link.fileno() < 0:
            return
        self._give_up = self._loop.call_later(GIVE_UP_S, self._close)
        with suppress(OSError):  # the other end may be gone already
            self._link.shutdown(socket.SHUT_WR)

    def _close(self) -> None:
        """Take what is still in the pipes, which nobody fills any more, and close every channel."""
        if self._give_up:
            self._give_up.cancel()
        self._loop.remove_reader(self._link)
        self._link.close()
        for descriptor in self._streams:
            for _chunk in range(_PIPE_CHUNKS):
                self._read_stream(descriptor)
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
        self._gone.set_result(time.monotonic() - self._started)
