"""What a run shows while it goes on: a live panel on a terminal, plain lines elsewhere.

A display follows the events as they become durable and knows nothing else.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from caesar.cli.output import counted, note, printable, ratio
from caesar.domain import Verdict
from caesar.engine.plan import Run
from caesar.events import (
    BuildFaulted,
    Envelope,
    EvaluationCompleted,
    EvaluationFaulted,
    GenerationCompleted,
    GenerationFaulted,
    TrajectoryFinished,
    TrajectorySuspended,
    TurnEnded,
)
from caesar.ports import Clock

__all__ = ["Display", "Progress", "describe", "open_display"]

_IN_FLIGHT = {
    "generation_requested": ("model calls", 1),
    "generation_completed": ("model calls", -1),
    "generation_faulted": ("model calls", -1),
    "build_requested": ("builds", 1),
    "build_completed": ("builds", -1),
    "build_faulted": ("builds", -1),
    "lease_granted": ("devices", 1),
    "lease_released": ("devices", -1),
}


_QUIET_S = 15.0
"""After so long without a line, one says what is under way: the first build on a machine takes a minute."""


class Display(Protocol):
    """Something that is told of every event."""

    def observe(self, envelope: Envelope) -> None:
        """Take note of a durable event."""


@dataclass(slots=True)
class Progress:
    """Counters over the events of this process, on top of what was finished before."""

    total: int
    started: set[str] = field(default_factory=set)
    finished: int = 0
    suspended: int = 0
    turns: Counter[str] = field(default_factory=Counter)
    in_flight: Counter[str] = field(default_factory=Counter)
    best: dict[str, float] = field(default_factory=dict)
    """The best speedup of each trajectory seen so far."""
    usd: float = 0.0
    tokens: int = 0

    def observe(self, envelope: Envelope) -> None:
        """Count an event."""
        self.started.add(envelope.stream)
        if envelope.kind in _IN_FLIGHT:
            lane, step = _IN_FLIGHT[envelope.kind]
            self.in_flight[lane] = max(0, self.in_flight[lane] + step)
        match envelope.event:
            case TurnEnded(outcome=outcome):
                self.turns[outcome or "undecided"] += 1
            case EvaluationCompleted(evaluation=evaluation) if evaluation.speedup is not None:
                best = self.best.get(envelope.stream, 0.0)
                self.best[envelope.stream] = max(best, evaluation.speedup)
            case GenerationCompleted(usage=usage):
                self.tokens += usage.tokens
                self.usd += usage.usd or 0.0
            case TrajectoryFinished():
                self.finished += 1
            case TrajectorySuspended():
                self.suspended += 1
            case _:
                pass


def describe(envelope: Envelope) -> str | None:
    """An event as a line for people; None for those that a plain display leaves out."""
    _, _, where = envelope.stream.partition("/")
    problem, _, sample = where.rpartition("/")
    place = f"problem {problem} sample {sample}"
    match envelope.event:
        case EvaluationCompleted(evaluation=evaluation) if evaluation.verdict is Verdict.PASSED:
            speed = (
                "" if evaluation.speedup is None else f", {ratio(evaluation.speedup)}x the reference's speed"
            )
            assert evaluation.timing is not None
            found = ", ".join(finding.kind for finding in evaluation.findings)
            noticed = f" ({found})" if found else ""
            return f"{place}: passed, {evaluation.timing.median_ms:.3f} ms{speed}{noticed}"
        case TurnEnded(turn=turn, outcome=outcome):
            return f"{place}: turn {turn} ended, {outcome or 'undecided'}"
        case TrajectoryFinished(turn=turn, outcome=outcome):
            chosen = "no candidate" if turn is None else f"result is turn {turn}, {outcome}"
            return f"{place}: finished, {chosen}"
        case TrajectorySuspended(message=message):
            return f"{place}: suspended, {message}"
        case GenerationFaulted() | BuildFaulted() | EvaluationFaulted() as fault if (
            fault.retry_at_us is not None
        ):
            return f"{place}: {envelope.kind.replace('_', ' ')}, {fault.message}; will be tried again"
        case _:
            return None


@contextmanager
def open_display(run: Run, *, total: int, clock: Clock) -> Iterator[Display]:
    """A live panel where stderr is a terminal, else a printer of lines; to be opened in a running loop."""
    progress = Progress(total, finished=len({head.stream for head in run.heads}))
    if sys.stderr.isatty():
        with _panel(run, progress) as display:
            yield display
        return
    problems = counted(len(run.problems), "problem")
    note(f"run {run.name}: {counted(total, 'trajectory')} on {problems} of {run.suite}")
    lines = _Lines(clock, progress)
    reminder = asyncio.ensure_future(lines.remind())
    try:
        yield lines
    finally:
        reminder.cancel()


class _Lines:
    """A line for each event worth telling, with the time since the start; one now and then where none is."""

    def __init__(self, clock: Clock, progress: Progress) -> None:
        self._clock = clock
        self._progress = progress
        self._started_us = self._told_us = clock.now_us()

    def observe(self, envelope: Envelope) -> None:
        self._progress.observe(envelope)
        line = describe(envelope)
        if line is not None:
            self._tell(line)

    async def remind(self) -> None:
        """Say what is under way whenever nothing else was said for a while."""
        while True:
            told_us = self._told_us
            await self._clock.sleep_until(told_us + int(_QUIET_S * 1e6))
            if self._told_us == told_us:
                self._tell(f"under way: {_in_flight(self._progress)}")

    def _tell(self, line: str) -> None:
        self._told_us = self._clock.now_us()
        note(f"{(self._told_us - self._started_us) / 1e6:7.1f}s  {line}")


@contextmanager
def _panel(run: Run, progress: Progress) -> Iterator[Display]:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    recent: list[str] = []
    began = time.monotonic()

    def render() -> Group:
        lines = [*_summary(run, progress, seconds=time.monotonic() - began), *recent[-8:]]
        return Group(*(Text(line, no_wrap=True, overflow="ellipsis") for line in lines))

    class _Panel:
        def observe(self, envelope: Envelope) -> None:
            progress.observe(envelope)
            line = describe(envelope)
            if line is not None:
                recent.append(f"  {printable(line)}")
                del recent[:-8]

    with Live(get_renderable=render, console=Console(stderr=True), refresh_per_second=4):
        yield _Panel()


def _summary(run: Run, progress: Progress, *, seconds: float) -> tuple[str, ...]:
    outcomes = ", ".join(f"{count} {name}" for name, count in progress.turns.most_common()) or "none yet"
    cost = f", ${progress.usd:.2f}" if progress.usd else ""
    fastest = f"{max(progress.best.values()):.2f}x" if progress.best else "-"
    return (
        f"run {run.name}   {seconds:.0f}s   {progress.finished}/{progress.total} trajectories finished"
        + (f", {progress.suspended} suspended" if progress.suspended else ""),
        f"turns: {outcomes}   best speedup: {fastest}",
        f"in flight: {_in_flight(progress)}   tokens: {progress.tokens}{cost}",
    )


def _in_flight(progress: Progress) -> str:
    return ", ".join(
        counted(progress.in_flight[f"{lane}s"], lane) for lane in ("model call", "build", "device")
    )
