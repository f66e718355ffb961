"""Where an exception in an evaluation's child becomes a frame: the candidate's, or nobody's it judges.

A context manager, since the candidate may raise anything, exceptions of no `Exception` included.
Imports torch: only an evaluation's child may import this.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from traceback import TracebackException, walk_tb
from types import TracebackType
from typing import Self

from caesar.domain import Finding, storable
from caesar.errors import CaesarError
from caesar.evaluators.device import is_hardware, is_out_of_memory
from caesar.evaluators.protocol import Cause, Frame, Noticed, Raised, Reached, Reply, Stage, Unusable, encode
from caesar.sandbox.candidate import FILENAME

__all__ = ["Boundary", "Channel", "SlowReferenceError", "candidate_traceback"]

_DETAIL_CHARS = 4000
_NAME_CHARS = 100
_HUBS = frozenset({"transformers", "huggingface_hub", "datasets"})


class SlowReferenceError(CaesarError):
    """The reference alone would use up the evaluation's time limit."""


class Channel:
    """The child's side of the protocol; takes hold of the clock before the candidate can."""

    def __init__(self, reply: Reply) -> None:
        self.now: Callable[[], float] = time.perf_counter
        self._reply = reply
        self._started = self.now()
        self._noticed: set[str] = set()
        self.stage = Stage.DEVICE
        """The stage reached last."""

    def send(self, frame: Frame) -> None:
        """Send one frame."""
        self._reply(encode(frame))

    def reached(self, stage: Stage) -> None:
        """Enter a stage."""
        self.stage = stage
        self.send(Reached(stage, self.now() - self._started))

    def notice(self, kind: str, detail: str) -> None:
        """Report a finding, the first of its kind only."""
        if kind not in self._noticed:
            self._noticed.add(kind)
            self.send(Noticed(Finding(kind, detail)))


class Boundary:
    """Whatever escapes from the block is sent as the frame that says whose doing it was.

    A SystemExit of the candidate's passes: its exit status is what tells.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if error is None:
            return True
        if self._channel.stage in (Stage.DEVICE, Stage.REFERENCE):
            self._channel.send(_unusable(error, stage=self._channel.stage))
            return True
        if isinstance(error, SystemExit):
            return False
        self._channel.send(_raised(error))
        return True


def _raised(error: BaseException) -> Raised:
    """What a candidate raised."""
    return Raised(
        storable(type(error).__name__)[:_NAME_CHARS],
        candidate_traceback(error),
        out_of_memory=is_out_of_memory(error),
        hardware=is_hardware(error),
    )


def _unusable(error: BaseException, *, stage: Stage) -> Unusable:
    """Why no candidate can be judged here."""
    words = storable(f"{type(error).__name__}: {error}")[:_DETAIL_CHARS]
    if stage is Stage.DEVICE:
        return Unusable(Cause.DEVICE, words)
    match error:
        case SlowReferenceError():
            return Unusable(Cause.SLOW, str(error))
        case ModuleNotFoundError(name=str(name)):
            return Unusable(Cause.PACKAGE, storable(name))
        case OSError() if _passed_a_hub(error.__traceback__):
            return Unusable(Cause.HUB, words)
    return Unusable(Cause.MEMORY if is_out_of_memory(error) else Cause.RAISED, words)


def _passed_a_hub(traceback: TracebackType | None) -> bool:
    """Whether a library that fetches models raised it."""
    modules = (str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(traceback))
    return any(module.partition(".")[0] in _HUBS for module in modules)


def candidate_traceback(error: BaseException) -> str:
    """The traceback's end with the candidate's frames only, free of this machine's folders."""
    report = TracebackException.from_exception(error)
    pending: list[TracebackException | None] = [report]
    while pending:
        part = pending.pop()
        if part is not None:
            part.stack[:] = [frame for frame in part.stack if frame.filename == FILENAME]
            pending += [part.__cause__, part.__context__]
    text = "".join(report.format()).replace(f"{Path.cwd()}/", "")
    return storable(text)[-_DETAIL_CHARS:]
