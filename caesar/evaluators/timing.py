"""Timing reference and candidate alternately, on fresh inputs, until the mean is known well enough.

In the order reference, candidate, candidate, reference, ..., so that a drifting clock rate favours
neither; the second-level cache is emptied before each call. Right after a call, before anything else is
timed, its inputs are withdrawn and its outputs taken, and those of every call are compared: work that
is put off could hide in the copying of its outputs or behind a reference that is timed in between, and
work that is skipped behind a call whose outputs nobody looks at. The judge's clock decides: what the
candidate's process claims is used only where it agrees.

Imports torch: the judge only.
"""

from __future__ import annotations

import secrets
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Protocol

import torch

from caesar.effects import EvaluationSettings
from caesar.evaluators.bench import Bench, Stand
from caesar.evaluators.clock import Calibration
from caesar.evaluators.contention import Watch
from caesar.evaluators.device import TimedCall
from caesar.evaluators.opponent import Called, Opponent
from caesar.evaluators.protocol import Measured
from caesar.evaluators.reference import secret_seed
from caesar.evaluators.statistics import settled, speedup_interval
from caesar.evaluators.wire import Shown

__all__ = ["LEAST_QUIET_CALLS", "Bout", "Taken", "measure", "quiet_ms"]

_LEAST_PAIRS = 10
"""Measured however long they take, unless calls are slow."""

_LEAST_SLOW_PAIRS = 3

_SLOW_MS = 1000.0
"""A call that takes longer is slow."""

_MOST_WARM_UPS = 5

_QUICK_PAIRS = 10
"""After these it is decided whether more are worth their time."""

_CLEARLY_SLOWER = 0.8
"""Where even the upper end of the speedup's interval is below, more calls would tell nothing that matters."""

LEAST_QUIET_CALLS, _QUIET_CALLS = 3, 6
_QUIET_S = 0.1
"""How often the reference is called before the candidate is loaded, and for how long; the first warms up."""

_DECIMALS = 6
"""Of a millisecond: nanoseconds, finer than any clock here."""

_LEAST_MS = 1e-6
"""What no call takes less than: a claim of nothing would be no measurement."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One call's outputs, out of the candidate's reach until the next are taken."""

    shown: Shown
    outputs: tuple[torch.Tensor | None, ...]
    """One for each of the reference's outputs, None for one that is no tensor."""
    withdrawn_ms: float
    """How long withdrawing the call's inputs took, by the judge's clock."""
    shown_ms: float
    """How long showing the outputs took."""


class Examiner(Protocol):
    """Looks at what a candidate's call has left."""

    def take(self, stand: Stand) -> Taken:
        """Withdraw the last call's inputs, have its outputs shown, and copy them out of reach."""

    def compare(self, expected: Any, taken: Taken, *, inputs: list[Any], seed: int) -> None:
        """Compare what was taken with the reference's outputs for these inputs; raises where they differ."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """One timed call of each, on the same inputs and seed."""

    reference_ms: float
    reference_launch_ms: float
    candidate: Called
    taken: Taken


@dataclass(frozen=True, slots=True)
class Bout:
    """What is timed, and who looks at outputs."""

    bench: Bench
    opponent: Opponent
    calibration: Calibration
    examiner: Examiner
    watch: Watch = field(default_factory=Watch)
    """What others do while the candidate should be doing nothing."""
    _turns: Any = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_turns", cycle(enumerate(self.bench.stands)))

    def pair(self, *, candidate_first: bool) -> _Pair:
        """Time one call of each, and compare their outputs."""
        slot, stand = next(self._turns)
        seed = secret_seed()
        self.opponent.prepare(slot=slot, seed=seed)
        inputs = stand.make(secret_seed())  # another seed: the candidate was told the call's
        self.bench.poison(0xFF)
        if candidate_first:
            candidate, taken = self._candidate(stand, inputs)
            reference = self._reference(inputs, seed)
        else:
            reference = self._reference(inputs, seed)
            candidate, taken = self._candidate(stand, inputs)
        self.examiner.compare(reference.result, taken, inputs=inputs, seed=seed)
        return _Pair(reference.elapsed_ms, reference.launch_ms, candidate, taken)

    def _candidate(self, stand: Stand, inputs: list[Any]) -> tuple[Called, Taken]:
        """Have the candidate called on inputs that it has not seen, and take its outputs at once."""

        def show() -> None:
            self.bench.clear_caches()
            with self.watch.watching():
                stand.show(inputs)

        called = self.opponent.call(show)
        return called, self.examiner.take(stand)

    def _reference(self, inputs: list[Any], seed: int) -> TimedCall:
        with self.watch.watching():
            return self.bench.timed(self.bench.model, inputs, seed=seed)


def quiet_ms(bench: Bench, *, now: Callable[[], float]) -> float:
    """What the reference takes, in milliseconds, while no candidate is there that could disturb it."""
    stands = cycle(bench.stands)
    times: list[float] = []
    started = now()
    while len(times) < LEAST_QUIET_CALLS or (len(times) < _QUIET_CALLS and now() - started < _QUIET_S):
        inputs = next(stands).make(secret_seed())
        times.append(bench.timed(bench.model, inputs, seed=secret_seed()).elapsed_ms)
    return statistics.median(times[1:])


def measure(
    bout: Bout, *, settings: EvaluationSettings, now: Callable[[], float]
) -> tuple[Measured, tuple[tuple[str, str], ...]]:
    """Time both until their means are settled or the time is spent; what was measured, and what was noticed.

    What disagreed and did not take long is measured once more: a machine that was busy for a moment
    explains one disagreement, but hardly two. That it was is noticed, since a candidate can bring it about.
    """
    began = now()
    first, disagreement = _measured_once(bout, settings=settings, now=now)
    if disagreement is None:
        return first, ()
    if now() - began <= settings.timing_s:
        second, again = _measured_once(bout, settings=settings, now=now)
        if again is None:
            return second, (("timed_twice", f"{disagreement}; a second time they agreed, and that counts"),)
    return first, (("timing_inconsistent", f"{disagreement}; the judge's counts"),)


def _measured_once(
    bout: Bout, *, settings: EvaluationSettings, now: Callable[[], float]
) -> tuple[Measured, str | None]:
    """What was measured, by whichever clock, and how the candidate's disagreed with the judge's."""
    least = min(_warm_up(bout), settings.timing_trials)
    started = now()
    pairs = [bout.pair(candidate_first=False)]
    while len(pairs) < least or (
        len(pairs) < settings.timing_trials
        and now() - started < settings.timing_s
        and not _enough(pairs, always=settings.timing == "always")
    ):
        pairs.append(bout.pair(candidate_first=len(pairs) % 2 == 1))
    return _measured(bout.calibration, pairs)


def _enough(pairs: list[_Pair], *, always: bool) -> bool:
    """Whether more calls would change nothing that matters."""
    reference = [pair.reference_ms for pair in pairs]
    candidate = [pair.candidate.claimed_ms for pair in pairs]
    if settled(reference) and settled(candidate):
        return True
    if always or len(pairs) != _QUICK_PAIRS:
        return False
    return speedup_interval(reference, candidate)[1] < _CLEARLY_SLOWER


def _warm_up(bout: Bout) -> int:
    """Call both a number of times that nobody can foresee; how many pairs have to be measured."""
    for _ in range(2 + secrets.randbelow(_MOST_WARM_UPS - 1)):
        pair = bout.pair(candidate_first=False)
        if max(pair.reference_ms, pair.candidate.wall_ms) > _SLOW_MS:
            return _LEAST_SLOW_PAIRS
    return _LEAST_PAIRS


def _measured(calibration: Calibration, pairs: list[_Pair]) -> tuple[Measured, str | None]:
    claimed = [pair.candidate.claimed_ms for pair in pairs]
    walls = [pair.candidate.wall_ms for pair in pairs]
    if calibration.rushed(walls):
        walls = [pair.candidate.wall_ms + pair.candidate.head_start_ms for pair in pairs]
    withdrawn = [pair.taken.withdrawn_ms for pair in pairs]
    late = calibration.late(withdrawn, [pair.taken.shown_ms for pair in pairs], wall_ms=walls)
    honest = calibration.agrees(claimed, walls) and not any(late)
    judged = [
        max(claim, calibration.judged(wall) + ms) for claim, wall, ms in zip(claimed, walls, late, strict=True)
    ]
    candidate = claimed if honest else judged
    measured = Measured(
        candidate_ms=tuple(map(_rounded, candidate)),
        reference_ms=tuple(_rounded(pair.reference_ms) for pair in pairs),
        launch_ms=round(statistics.median(pair.candidate.launch_ms for pair in pairs), _DECIMALS),
        reference_launch_ms=round(statistics.median(pair.reference_launch_ms for pair in pairs), _DECIMALS),
        clock="candidate" if honest else "judge",
        unseen_ms=round(calibration.unseen_ms(statistics.median(walls)), _DECIMALS),
    )
    return measured, None if honest else _disagreement(claimed, judged, late)


def _rounded(milliseconds: float) -> float:
    return max(_LEAST_MS, round(milliseconds, _DECIMALS))


def _disagreement(claimed: list[float], judged: list[float], late: Sequence[float]) -> str:
    own, ours = statistics.median(claimed), statistics.median(judged)
    waiting = f", {statistics.fmean(late):.4f} ms of it until its outputs were there" if any(late) else ""
    return f"its own clock says {own:.4f} ms, the judge's {ours:.4f} ms{waiting}"
