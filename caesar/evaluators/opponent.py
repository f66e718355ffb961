"""One candidate's process as the judge sees it: asked one thing at a time, timed by the judge's clock.

Imports no torch.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from caesar.evaluators.wire import (
    Ask,
    Command,
    Done,
    Launched,
    Loaded,
    Lost,
    Message,
    Raised,
    Ready,
    Shown,
    Traced,
    Violation,
    decode,
    receive,
    spin,
)

__all__ = ["MOST_LAUNCHING_MS", "Called", "CandidateRaised", "Opponent", "Starter"]

MOST_LAUNCHING_MS = 5.0
"""How long a call may be launched before its inputs come all the same: some calls wait for their own work."""

M = TypeVar("M", bound=Message)


class CandidateRaised(Exception):  # noqa: N818 - the candidate's doing, a verdict in the making
    """The candidate raised an exception, by its own word."""

    def __init__(self, raised: Raised) -> None:
        super().__init__(raised.error)
        self.raised = raised


@dataclass(frozen=True, slots=True)
class Called:
    """One call of the candidate's model."""

    claimed_ms: float
    """By its own process's clock."""
    launch_ms: float
    wall_ms: float
    """By the judge's, from go to done, talking included."""
    head_start_ms: float = 0.0
    """How long before go it was asked for."""


class Starter(Protocol):
    """Lets a call begin that has been asked for before its inputs are there."""

    def ready(self, show: Callable[[], None]) -> None:
        """Have the inputs shown."""

    def open(self, number: int) -> None:
        """Let the call of that number begin; return when it can."""


def _nothing() -> None:
    """What is shown where the inputs are there already."""


class Opponent:
    """Every answer is read when it is due; whatever comes unasked, or too early, is a violation."""

    def __init__(
        self,
        link: socket.socket,
        *,
        starter: Starter | None = None,
        spin_s: float = 0.0,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._link = link
        self._starter = starter
        self._spin_s = spin_s
        self._now = now
        self._number = 0
        self._unasked = select.poll()
        self._unasked.register(link, select.POLLIN)

    def idle(self) -> Called:
        """What asking costs, where nothing is called."""
        return self._timed(Command(Ask.IDLE, self._next()), _nothing)

    def load(self) -> Loaded:
        """Have the candidate loaded and its model constructed."""
        message, _ = self._ask(Command(Ask.LOAD, self._next()), Loaded)
        return message

    def prepare(self, *, slot: int, seed: int) -> None:
        """Have the next call prepared: what that takes is not part of the call."""
        self._ask(Command(Ask.PREPARE, self._next(), slot, seed), Ready)

    def call(self, show: Callable[[], None] = _nothing) -> Called:
        """Have the model called on what was prepared, its inputs shown as late as can be."""
        return self._timed(Command(Ask.CALL, self._next()), show)

    def show(self) -> tuple[Shown, float]:
        """Have the last call's outputs copied; how they are described, and the milliseconds it took."""
        return self._ask(Command(Ask.SHOW, self._next()), Shown)

    def trace(self, *, slot: int, seed: int) -> bytes:
        """Have one more call traced."""
        message, _ = self._ask(Command(Ask.TRACE, self._next(), slot, seed), Traced)
        return message.evidence

    def _timed(self, command: Command, show: Callable[[], None]) -> Called:
        if self._starter is None:
            show()
            asked = started = self._send(command)
            is_early = False
        else:
            asked = self._send(command)
            started, is_early = self._begun(command, self._starter, show)
        done, wall_ms = self._answer(command, Done, started)
        if is_early:
            raise Violation("a call was said to be done before it could begin")
        head_start_ms = (started - asked) * 1000.0
        most_ms = head_start_ms + wall_ms
        if not (0 < done.elapsed_ms <= most_ms and 0 <= done.launch_ms <= most_ms):
            return Called(wall_ms, wall_ms, wall_ms, head_start_ms)
        return Called(done.elapsed_ms, done.launch_ms, wall_ms, head_start_ms)

    def _begun(self, command: Command, starter: Starter, show: Callable[[], None]) -> tuple[float, bool]:
        """Let a call begin that is launched, or has had its time for that.

        The instant at which it could begin, and whether it was answered before.
        """
        is_early = False
        try:
            said = self._heard(MOST_LAUNCHING_MS)
            starter.ready(show)
            said = said or self._heard(0.0)
            is_early = said is not None and bool(self._unasked.poll(0))
        finally:  # its process is not to wait for ever, whatever came of this
            starter.open(command.number)
        started = self._now()
        self._read(said or self._frame(), command, Launched)
        return started, is_early

    def _heard(self, most_ms: float) -> bytes | None:
        """What the candidate says within some milliseconds."""
        if self._spin_s:
            spin(self._link, most_s=most_ms / 1000)
        return receive(self._link) if self._unasked.poll(0 if self._spin_s else most_ms) else None

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _ask(self, command: Command, kind: type[M]) -> tuple[M, float]:
        started = self._send(command)
        return self._answer(command, kind, started)

    def _send(self, command: Command) -> float:
        """Ask; the instant at which it was asked."""
        if self._unasked.poll(0):
            receive(self._link, flags=socket.MSG_DONTWAIT)
            raise Violation("a frame that nobody asked for")
        started = self._now()
        try:
            self._link.send(command.encode())
        except OSError as error:
            raise Lost from error
        return started

    def _answer(self, command: Command, kind: type[M], started: float) -> tuple[M, float]:
        """The answer, and the milliseconds since that instant."""
        frame = self._frame()
        wall_ms = (self._now() - started) * 1000.0
        return self._read(frame, command, kind), wall_ms

    def _frame(self) -> bytes:
        if self._spin_s:
            spin(self._link, most_s=self._spin_s)
        return receive(self._link)

    def _read(self, frame: bytes, command: Command, kind: type[M]) -> M:
        message = decode(frame)
        if message.number != command.number:
            raise Violation("an answer to another question")
        if isinstance(message, Raised):
            raise CandidateRaised(message)
        if not isinstance(message, kind):
            raise Violation(f"{type(message).__name__} where {kind.__name__} was due")
        return message
