"""Timing reference and candidate alternately, on fresh inputs, until the mean is known well enough.

In the order reference, candidate, candidate, reference, ..., so that a drifting clock rate favours
neither; the second-level cache is emptied before each call. Outputs are asked for right after the call
that made them: work that is put off could hide behind a reference that is timed in between. The
judge's clock decides: what the candidate's process claims is used only where it agrees.

Imports torch: the judge only.
"""

from __future__ import annotations

import secrets
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Protocol

from caesar.effects import EvaluationSettings
from caesar.evaluators.bench import Bench, Stand
from caesar.evaluators.clock import Calibration
from caesar.evaluators.contention import Watch
from caesar.evaluators.opponent import Called, Opponent
from caesar.evaluators.protocol import Measured
from caesar.evaluators.reference import secret_seed, set_seed
from caesar.evaluators.statistics import settled, speedup_interval
from caesar.evaluators.tensors import cloned

__all__ = ["Bout", "measure"]

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

_VERIFY_ALL_BYTES = 4 << 20
"""Outputs so small are compared after every timed call; larger ones after a share that nobody can foresee."""

_VERIFIED_SHARE = 0.25

_DECIMALS = 6
"""Of a millisecond: nanoseconds, finer than any clock here."""

_LEAST_MS = 1e-6
"""What no call takes less than: a claim of nothing would be no measurement."""


class Check(Protocol):
    """Has a timed call's outputs shown and compared."""

    def __call__(self, stand: Stand, expected: Any) -> float:
        """The milliseconds that showing took."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """One timed call of each, on the same inputs and seed."""

    reference_ms: float
    reference_launch_ms: float
    candidate: Called
    shown_ms: float | None


@dataclass(frozen=True, slots=True)
class Bout:
    """What is timed, and how outputs are checked."""

    bench: Bench
    opponent: Opponent
    calibration: Calibration
    check: Check
    now: Callable[[], float]
    watch: Watch = field(default_factory=Watch)
    """What others do while the reference is timed: the candidate should be doing nothing then."""
    _turns: Any = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_turns", cycle(enumerate(self.bench.stands)))

    def pair(self, *, candidate_first: bool) -> _Pair:
        """Time one call of each."""
        slot, stand = next(self._turns)
        seed, inputs_seed = secret_seed(), secret_seed()  # told ahead, and never told
        self.opponent.prepare(slot=slot, seed=seed)
        inputs = stand.make(inputs_seed)
        verify = self._verifies()
        if verify:
            self.bench.poison(0xFF)
        if candidate_first:
            expected = self.bench.expected(inputs, seed=seed) if verify else None
            candidate = self._candidate(stand, inputs, inputs_seed)
            shown_ms = self.check(stand, expected) if verify else None  # at once: see the module's docstring
            reference_ms, launch_ms, _ = self._reference(inputs, seed)
        else:
            reference_ms, launch_ms, expected = self._reference(inputs, seed)
            candidate = self._candidate(stand, inputs, inputs_seed)
            shown_ms = self.check(stand, expected) if verify else None
        return _Pair(reference_ms, launch_ms, candidate, shown_ms)

    def _verifies(self) -> bool:
        small = self.bench.outputs.nbytes <= _VERIFY_ALL_BYTES
        return small or secrets.randbelow(1000) < _VERIFIED_SHARE * 1000

    def _candidate(self, stand: Stand, inputs: list[Any], seed: int) -> Called:
        """Release the inputs and have the candidate called on them, at once."""
        stand.show(inputs, seed=seed)
        self.bench.device.flush()
        return self.opponent.call()

    def _reference(self, inputs: list[Any], seed: int) -> tuple[float, float, Any]:
        arguments = cloned(inputs) if self.bench.mutates else inputs
        set_seed(seed)
        with self.watch.watching():
            timed = self.bench.device.timed(lambda: self.bench.model(*arguments))
        return timed.elapsed_ms, timed.launch_ms, timed.result


def measure(
    bout: Bout, *, settings: EvaluationSettings, now: Callable[[], float]
) -> tuple[Measured, tuple[tuple[str, str], ...]]:
    """Time both until their means are settled or the time is spent; what was measured, and what was noticed."""
    least = min(_warm_up(bout), settings.timing_trials)
    started = now()
    pairs = [bout.pair(candidate_first=False)]
    while len(pairs) < least or (
        len(pairs) < settings.timing_trials
        and now() - started < settings.timing_s
        and not _enough(pairs, always=settings.timing == "always")
    ):
        pairs.append(bout.pair(candidate_first=len(pairs) % 2 == 1))
    if not any(pair.shown_ms is not None for pair in pairs):
        pairs.append(_verified_pair(bout))
    return _measured(bout.calibration, pairs)


def _verified_pair(bout: Bout) -> _Pair:
    """One more pair, checked: chance may have left out every one."""
    while True:
        pair = bout.pair(candidate_first=False)
        if pair.shown_ms is not None:
            return pair


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


def _measured(calibration: Calibration, pairs: list[_Pair]) -> tuple[Measured, tuple[tuple[str, str], ...]]:
    claimed = [pair.candidate.claimed_ms for pair in pairs]
    walls = [pair.candidate.wall_ms for pair in pairs]
    late = calibration.late([pair.shown_ms for pair in pairs], wall_ms=walls)
    honest = calibration.agrees(claimed, walls) and not any(late)
    judged = [calibration.judged(wall) + ms for wall, ms in zip(walls, late, strict=True)]
    candidate = claimed if honest else judged
    notes = () if honest else (("timing_inconsistent", _disagreement(calibration, claimed, walls, late)),)
    measured = Measured(
        candidate_ms=tuple(map(_rounded, candidate)),
        reference_ms=tuple(_rounded(pair.reference_ms) for pair in pairs),
        launch_ms=round(statistics.median(pair.candidate.launch_ms for pair in pairs), _DECIMALS),
        reference_launch_ms=round(statistics.median(pair.reference_launch_ms for pair in pairs), _DECIMALS),
        clock="candidate" if honest else "judge",
        overhead_ms=round(calibration.overhead_ms, _DECIMALS),
        verified=sum(pair.shown_ms is not None for pair in pairs),
    )
    return measured, notes


def _rounded(milliseconds: float) -> float:
    return max(_LEAST_MS, round(milliseconds, _DECIMALS))


def _disagreement(
    calibration: Calibration, claimed: list[float], walls: list[float], late: Sequence[float]
) -> str:
    judged = statistics.median(map(calibration.judged, walls))
    return (
        f"its own clock says {statistics.median(claimed):.4f} ms, the judge's {judged:.4f} ms,"
        f" and {statistics.fmean(late):.4f} ms more when its outputs were asked for; the judge's counts"
    )
