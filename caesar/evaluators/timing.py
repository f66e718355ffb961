"""Timing a candidate against the reference: interleaved calls on fresh inputs, caches emptied before each.

Both are measured the same way in the same minutes, in the order reference, candidate, candidate,
reference, ..., so that a drifting clock rate favours neither.

Imports torch: only an evaluation's child may import this.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from caesar.effects import EvaluationSettings
from caesar.evaluators.device import Device
from caesar.evaluators.reference import Model, Reference, secret_seed, set_seed
from caesar.evaluators.tensors import cloned, nbytes

__all__ = ["Bench", "Measured", "Pair", "Rotation", "measure", "rotation_of"]

_LEAST_PAIRS = 10
"""Measured however long they take, unless calls are slow."""

_LEAST_SLOW_PAIRS = 3

_SLOW_MS = 1000.0
"""A call that takes longer is slow."""

_WARM_UP_PAIRS = 3

_ROTATION_BYTES = 1 << 30
"""How much memory the rotation's inputs, and as much again their clones, may take."""

_MOST_SETS = 3

_SLOW_INPUTS_S = 1.0
"""Where making a set of inputs takes longer, one has to do."""

_DECIMALS = 6
"""Of a millisecond: nanoseconds, finer than any clock here."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The milliseconds of every timed call, and the outputs of the last two."""

    reference_ms: tuple[float, ...]
    candidate_ms: tuple[float, ...]
    expected: Any
    """What the reference returned from its last timed call."""
    got: Any
    """What the candidate returned from its last timed call, on equal inputs."""


class Rotation:
    """Inputs for timed calls: each a fresh clone, of other values than the call's before where memory allows.

    Clones are kept for some calls, so that the same memory is not handed out again at once.
    """

    def __init__(self, sets: Sequence[list[Any]], *, kept: int) -> None:
        self._sets: Iterator[list[Any]] = cycle(sets)
        self._kept: deque[list[Any]] = deque(maxlen=kept)

    def turn(self) -> list[Any]:
        """The next set, not to be handed to a model itself."""
        return next(self._sets)

    def fresh(self, inputs: list[Any]) -> list[Any]:
        """A clone of a set."""
        arguments: list[Any] = cloned(inputs)
        self._kept.append(arguments)
        return arguments


@dataclass(frozen=True, slots=True)
class Pair:
    """One timed call of each, on equal inputs and seeds."""

    reference_ms: float
    candidate_ms: float
    expected: Any
    got: Any

    def without_outputs(self) -> Pair:
        """The times alone, so that outputs don't pile up."""
        return Pair(self.reference_ms, self.candidate_ms, None, None)


@dataclass(frozen=True, slots=True)
class Bench:
    """What is timed, where and on what."""

    reference: Model
    candidate: Model
    rotation: Rotation
    device: Device

    def pair(self, *, candidate_first: bool) -> Pair:
        """Time one call of each."""
        inputs, seed = self.rotation.turn(), secret_seed()
        if candidate_first:
            candidate_ms, got = self._timed(self.candidate, inputs, seed)
            reference_ms, expected = self._timed(self.reference, inputs, seed)
        else:
            reference_ms, expected = self._timed(self.reference, inputs, seed)
            candidate_ms, got = self._timed(self.candidate, inputs, seed)
        return Pair(reference_ms, candidate_ms, expected, got)

    def _timed(self, model: Model, inputs: list[Any], seed: int) -> tuple[float, Any]:
        arguments = self.rotation.fresh(inputs)
        set_seed(seed)
        self.device.flush()
        elapsed_ms, output = self.device.timed(lambda: model(*arguments))
        return round(elapsed_ms, _DECIMALS), output


def rotation_of(reference: Reference, *, now: Callable[[], float]) -> Rotation:
    """A rotation of inputs from secret seeds, of as many sets as memory and time allow, one at least."""
    started = now()
    first = reference.inputs(secret_seed())
    if now() - started > _SLOW_INPUTS_S:
        return Rotation([first], kept=0)
    sets = max(1, min(_MOST_SETS, _ROTATION_BYTES // max(1, nbytes(first))))
    more = [reference.inputs(secret_seed()) for _ in range(sets - 1)]
    return Rotation([first, *more], kept=2 * sets if sets > 1 else 0)


def measure(bench: Bench, *, settings: EvaluationSettings, now: Callable[[], float]) -> Measured:
    """Time both until there are enough calls of each, or the time for timing is spent."""
    least = min(_warm_up(bench), settings.timing_trials)
    started = now()
    pairs = [bench.pair(candidate_first=False)]
    while len(pairs) < least or (len(pairs) < settings.timing_trials and now() - started < settings.timing_s):
        pairs[-1] = pairs[-1].without_outputs()
        pairs.append(bench.pair(candidate_first=len(pairs) % 2 == 1))
    return Measured(
        tuple(pair.reference_ms for pair in pairs),
        tuple(pair.candidate_ms for pair in pairs),
        pairs[-1].expected,
        pairs[-1].got,
    )


def _warm_up(bench: Bench) -> int:
    """Call both until they are warm; how many pairs have to be measured however long they take."""
    for _ in range(_WARM_UP_PAIRS):
        pair = bench.pair(candidate_first=False)
        if max(pair.reference_ms, pair.candidate_ms) > _SLOW_MS:
            return _LEAST_SLOW_PAIRS
    return _LEAST_PAIRS
