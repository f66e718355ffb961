"""One build under way: its child is answered, its time is counted, and what it came to is told.

Everything that the child says is the candidate's word.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sysconfig
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from caesar.builders.buildlog import LEFT_OUT, cut, tidy
from caesar.builders.cache import Entry, Part
from caesar.builders.child import BUILT, LOADED, REASONS
from caesar.builders.requests import Request, recv_request, send_error, send_library
from caesar.builders.workshop import Made, Workshop
from caesar.domain import BuildOutcome, Digest
from caesar.effects import Build
from caesar.sandbox.extensions import excess
from caesar.sandbox.job import Ended, How

__all__ = ["UnderWay", "Watch", "reason_of", "watched"]

_MOST_REQUESTS = 64
"""How many extensions one candidate may ask for."""
_LIBRARIES_BYTES = 1 << 30
"""Once a candidate's libraries hold so much, it gets no more."""
_FULL_LOG_CHARS = 1_000_000
_MOST_DROPPED, _FLAG_CHARS = 200, 500
"""How many of the flags that were not passed on are said, and how much of each."""
_GLANCE_S = 0.05


class Watch:
    """The time of one build: its child's own, and its compilers'; waiting for them counts for nothing."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._started = time.monotonic()
        self._away_s = 0.0
        self._since: float | None = None
        self._compiled_s = 0.0

    @property
    def left_s(self) -> float:
        """What is left of the limit."""
        return self._limit_s - self.spent_s

    @property
    def spent_s(self) -> float:
        """What the build took so far."""
        now = time.monotonic()
        away_s = self._away_s + (now - self._since if self._since is not None else 0.0)
        return now - self._started - away_s + self._compiled_s

    @contextmanager
    def away(self) -> Iterator[None]:
        """The child waits for a library, in the block."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._away_s += time.monotonic() - self._since
            self._since = None

    def count(self, made: Made) -> None:
        """Add what compilers took, where they ran for this build."""
        if not made.cached:
            self._compiled_s += made.entry.seconds


@dataclass(slots=True)
class UnderWay:
    """One build under way: what its child asked for, and got."""

    build: Build
    reference: str | None
    workshop: Workshop
    watch: Watch
    made: dict[Digest, Made] = field(default_factory=dict)
    """What each extension came to last, in the order they were asked for."""
    refused: list[str] = field(default_factory=list)
    """Why others were not looked at."""

    @property
    def payload(self) -> bytes:
        """What the build child is told."""
        source = self.build.candidate.source
        return json.dumps({"source": source, "reference": self.reference}).encode("utf-8", "surrogatepass")

    @property
    def libraries(self) -> dict[str, Path]:
        """The files of the artifact, by their names there."""
        return {_library(digest): made.library for digest, made in self.made.items() if made.library}

    async def serve(self, channel: socket.socket) -> None:
        """Answer the child's requests until it makes none, too many, or one that can't be read."""
        try:
            for _number in range(_MOST_REQUESTS):
                request = await recv_request(channel)
                if request is None:
                    return
                with self.watch.away():
                    answer = await self._answer(request)
                if isinstance(answer, Path):
                    await send_library(channel, answer)
                else:
                    await send_error(channel, answer)
        except ConnectionError:  # the child ended while it was answered
            return
        finally:
            channel.shutdown(socket.SHUT_RDWR)

    async def _answer(self, request: Request) -> Path | str:
        """The library, or what load_inline is to raise."""
        too_much = excess(request.extension) or self._too_large()
        if too_much:
            self.refused.append(f"error: {too_much}")
            return too_much
        limit_s = max(self.watch.left_s, _GLANCE_S)
        made = await self.workshop.make(request.extension, limit_s=limit_s, real=request.real)
        self.watch.count(made)
        self.made[request.extension.digest] = made
        if made.library is None:
            return _error(request.extension.name, made.entry)
        return made.library

    def _too_large(self) -> str | None:
        """Why no more libraries are made; None where there is room for one."""
        size = sum(library.stat().st_size for library in self.libraries.values())
        if size < _LIBRARIES_BYTES:
            return None
        return f"the libraries of a candidate hold {_LIBRARIES_BYTES >> 20} MiB already, and may hold no more"

    def entry(self, ended: Ended) -> Entry:
        """What is remembered of the build."""
        reason = reason_of(ended)
        if reason == "time_limit" or (
            reason and any(m.entry.reason == "time_limit" for m in self.made.values())
        ):
            reason = "time_limit"
        words = "\n".join(part for part in self._words(ended, failed=reason is not None) if part)
        full = cut(words, chars=_FULL_LOG_CHARS, mark=LEFT_OUT)
        log = cut(full)
        return Entry(
            _outcome(reason),
            reason,
            log,
            self.watch.spent_s,
            full_log=full if log != full else None,
            headers=self._headers(),
            dropped=self._dropped(),
            cpu_s=sum(made.entry.cpu_s for made in self.made.values()),
            peak_bytes=max((made.entry.peak_bytes for made in self.made.values()), default=0),
            extensions={digest: _part(digest, made) for digest, made in self.made.items()},
        )

    def lasts(self, ended: Ended) -> bool:
        """Whether the same source would end the same way again, as far as can be told."""
        killed = ended.how is How.SIGNALLED and ended.code == signal.SIGKILL
        ended_itself = ended.how is How.EXITED or (ended.how is How.SIGNALLED and not killed)
        return ended_itself and all(made.lasts for made in self.made.values())

    def _words(self, ended: Ended, *, failed: bool) -> Iterator[str]:
        """What compilers said where something failed, what the module itself said, and what was dropped."""
        for made in self.made.values() if failed else ():
            yield made.entry.log
        yield from self.refused if failed else ()
        shown = {f"{sysconfig.get_path('purelib')}/": ""}
        yield tidy(ended.output, shown=shown)
        for flag in self._dropped():
            yield f"note: the flag {flag} was not passed on"

    def _headers(self) -> str | None:
        """The real ones where any extension needed them; None without extensions."""
        used = {made.entry.headers for made in self.made.values()} - {None}
        return "real" if "real" in used else "slim" if used else None

    def _dropped(self) -> tuple[str, ...]:
        dropped = dict.fromkeys(flag for made in self.made.values() for flag in made.entry.dropped)
        return tuple(flag[:_FLAG_CHARS] for flag in islice(dropped, _MOST_DROPPED))


async def watched(
    running: Coroutine[Any, Any, Ended], serving: Coroutine[Any, Any, None], watch: Watch
) -> Ended:
    """How the child ended; it is answered meanwhile, and its time is up where the watch says so."""
    child = asyncio.ensure_future(running)
    server = asyncio.ensure_future(serving)
    try:
        while not child.done():
            if server.done() and server.exception():
                await server
            if watch.left_s <= 0:
                return Ended(How.TIMED_OUT, 0, (), "", watch.spent_s)
            waited = {child} if server.done() else {child, server}
            await asyncio.wait(
                waited, timeout=max(watch.left_s, _GLANCE_S), return_when=asyncio.FIRST_COMPLETED
            )
        return child.result()
    finally:
        for task in (child, server):
            task.cancel()
        await asyncio.gather(child, server, return_exceptions=True)


def _library(digest: Digest) -> str:
    return f"{digest}.so"


def _part(digest: Digest, made: Made) -> Part:
    if made.library is None:
        return Part(None, _error("", made.entry))
    return Part(_library(digest))


def _error(name: str, entry: Entry) -> str:
    """What load_inline raises."""
    return f"Error building extension '{name}': {cut(entry.log)}"


def reason_of(ended: Ended) -> str | None:
    """Why the build failed, None where it did not; the child's own word counts only if it ended well.

    Once the module was loaded, only a failure to compile is the build's.
    """
    said = [reply.decode("utf-8", "replace") for reply in ended.replies]
    loaded = said[:1] == [LOADED]
    ended_well = ended.how is How.EXITED and ended.code == 0
    if ended_well and len(said) == 1 + loaded and said[-1] in (BUILT, *REASONS):
        return None if said[-1] == BUILT else said[-1]
    if loaded and len(said) == 1:
        return None
    return _unexpected(ended)


def _unexpected(ended: Ended) -> str:
    if ended.how is How.TIMED_OUT:
        return "time_limit"
    if ended.how is How.SIGNALLED:
        return f"signal:{ended.code}"
    return f"exit:{ended.code}" if ended.how is How.EXITED else ended.how.value


def _outcome(reason: str | None) -> BuildOutcome:
    if reason is None:
        return BuildOutcome.BUILT
    return BuildOutcome.TIMED_OUT if reason == "time_limit" else BuildOutcome.FAILED
