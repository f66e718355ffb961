"""What milliseconds amount to: when they suffice, their statistics, and how sure a speedup is.

Pure and without torch or numpy, so that the supervisor and the judge reckon alike. Every number
that a result states about times is made here. How the interval was chosen, and what its coverage
is under which noise, is told in docs/decisions/0014-what-a-speedup-says.md and printed by
benchmarks/coverage.py.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import mul
from statistics import NormalDist, fmean, median, pstdev, stdev

from caesar.domain import Timing, digest_of

__all__ = [
    "LEAST_PAIRS",
    "QUANTILES",
    "beyond_one_process",
    "quantiles",
    "samples_of",
    "settled",
    "speedup_interval",
    "timing_of",
]

LEAST_PAIRS = 6
"""With fewer pairs the order of the times can't tell 95 of 100: there is no interval."""

QUANTILES = (0.05, 0.25, 0.75, 0.95)
"""Which quantiles are told beside the median."""

_QUANTILE_NAMES = ("p05", "p25", "p75", "p95")

_PLACED_GPU_MS, _PLACED_GPU = 0.001, 0.002
_PLACED_CPU_MS, _PLACED_CPU = 0.005, 0.02
"""By how much medians of equal code differ between two processes: a fixed part, and a share.

On an H100 the same module differed by up to 1 us at 8 to 20 us, and by 0.05% at 3 and 14 ms; the share
leaves room for kernels in between (docs/performance.md). The CPU's are wider.
"""

_LEAST_SAMPLES = 10
"""The spread of fewer says too little to stop by it."""

_LEAST_LIKENESS, _MOST_LIKENESS = -0.07, 0.8
"""Bounds of what is believed of a correlation of neighbours, seen in few samples."""

_DISSENT = 0.3
"""A part of a pair is taken to have disagreed: ten pairs that all agree don't prove that all would."""

_WIDEST = 0.45
"""How far from the middle a slope may be taken: quantiles beyond 0.05 and 0.95 are outliers' own."""


def samples_of(samples_ms: Sequence[float]) -> str:
    """The text in which all samples are kept, in their order: a JSON list."""
    return json.dumps(list(samples_ms))


def timing_of(samples_ms: Sequence[float]) -> Timing:
    """The statistics of some milliseconds; the text of its `samples` is `samples_of` the same."""
    return Timing(
        median_ms=median(samples_ms),
        mean_ms=fmean(samples_ms),
        std_ms=pstdev(samples_ms),
        min_ms=min(samples_ms),
        max_ms=max(samples_ms),
        trials=len(samples_ms),
        samples=digest_of(samples_of(samples_ms)),
        quantiles_ms=dict(zip(_QUANTILE_NAMES, quantiles(samples_ms), strict=True)),
    )


def quantiles(samples_ms: Sequence[float], shares: Sequence[float] = QUANTILES) -> tuple[float, ...]:
    """The quantiles at some shares, interpolated between the samples (Hazen's rule)."""
    ordered = sorted(samples_ms)
    return tuple(_quantile(ordered, share) for share in shares)


def beyond_one_process(
    interval: tuple[float, float], *, reference_ms: float, candidate_ms: float, gpu: bool
) -> tuple[float, float]:
    """The interval with what sampling can't see: equal code takes not quite equal times in two processes.

    Where its memory came to lie stays with a process, so more calls don't average it out.
    """
    fixed_ms, share = (_PLACED_GPU_MS, _PLACED_GPU) if gpu else (_PLACED_CPU_MS, _PLACED_CPU)
    apart = 1 + share + fixed_ms / min(reference_ms, candidate_ms)
    return interval[0] / apart, interval[1] * apart


def settled(samples_ms: Sequence[float], *, share: float = 0.005) -> bool:
    """Whether the standard error of the mean is below a share of the mean.

    The error is taken from all samples and from their later half alone: a drift, or an outlier that
    has only just come, keeps the clock running. Neighbours that resemble each other count for less
    than two samples. Never true of fewer than ten samples.
    """
    if len(samples_ms) < _LEAST_SAMPLES:
        return False
    later = samples_ms[len(samples_ms) // 2 :]
    error_ms = _standard_error(samples_ms)
    apart_ms = abs(fmean(later) - fmean(samples_ms))
    return max(error_ms, apart_ms / 2) < share * fmean(samples_ms)


def _standard_error(samples_ms: Sequence[float]) -> float:
    """The standard error of the mean, widened where neighbours are alike."""
    mean_ms = fmean(samples_ms)
    inflation = _inflation([sample - mean_ms for sample in samples_ms])
    return stdev(samples_ms) * math.sqrt(inflation / len(samples_ms))


def speedup_interval(
    reference_ms: Sequence[float], candidate_ms: Sequence[float], *, level: float = 0.95
) -> tuple[float, float]:
    """Between which speedups the true one lies, in `level` of all cases.

    The speedup is the ratio of the two medians; the times are positive, and the i-th of each were
    measured next to each other. Both medians are moved along their own samples, as far and in the
    direction in which chance moves their ratio most: by order statistics, so that outliers count as
    any other sample, and with what both share (a drifting clock) taken out. Pairs that resemble
    their neighbours count for less. Nothing is drawn at random: equal times give equal intervals.

    Not covered: noise that stays with one of the two kernels over many calls, and whatever all calls
    of one lease have in common. ValueError with fewer than LEAST_PAIRS pairs.
    """
    if len(reference_ms) != len(candidate_ms):
        raise ValueError("an interval takes as many times of the reference as of the candidate")
    if len(reference_ms) < LEAST_PAIRS or min(*reference_ms, *candidate_ms) <= 0:
        raise ValueError(f"an interval takes at least {LEAST_PAIRS} pairs of positive times")
    reference, candidate = _Times.of(reference_ms), _Times.of(candidate_ms)
    by_reference, by_candidate = _directions(reference, candidate, level=level)
    ends = [
        reference.at(0.5 + way * by_reference) - candidate.at(0.5 + way * by_candidate) for way in (-1.0, 1.0)
    ]
    middle = math.log(median(reference_ms) / median(candidate_ms))
    return math.exp(min(*ends, middle)), math.exp(max(*ends, middle))


@dataclass(frozen=True, slots=True)
class _Times:
    """One kernel's times as logarithms, so that a ratio is a difference."""

    logs: tuple[float, ...]
    """In order."""
    signs: tuple[int, ...]
    """Whether each is above (1), below (-1) or at (0) the median."""

    @classmethod
    def of(cls, samples_ms: Sequence[float]) -> _Times:
        logs = [math.log(sample) for sample in samples_ms]
        middle = median(logs)
        return cls(tuple(sorted(logs)), tuple((log > middle) - (log < middle) for log in logs))

    def at(self, share: float) -> float:
        return _quantile(self.logs, share)

    def slope(self) -> float:
        """How fast the quantile changes around the median, over what the median itself may move."""
        reach = min(_WIDEST, 1 / math.sqrt(len(self.logs)))
        return self.at(0.5 + reach) - self.at(0.5 - reach)


def _directions(reference: _Times, candidate: _Times, *, level: float) -> tuple[float, float]:
    """How far from the middle each median's share has to go for one end of the interval.

    A median's share has the standard deviation 1 / (2 sqrt n), and the two are as correlated as
    their signs. The ends lie where the likeliest pair of shares with that ratio lies.
    """
    count = len(reference.logs)
    weights = _weights(reference, candidate)
    alike = sum(map(mul, reference.signs, candidate.signs)) / (count + _DISSENT)
    toward = weights[0] + alike * weights[1], alike * weights[0] + weights[1]
    variance = weights[0] * toward[0] + weights[1] * toward[1]
    influence = [weights[0] * r + weights[1] * c for r, c in zip(reference.signs, candidate.signs, strict=True)]
    errors = NormalDist().inv_cdf((1 + level) / 2)
    scale = errors * math.sqrt(_inflation(influence) / (4 * count * variance))
    return scale * toward[0], scale * toward[1]


def _weights(reference: _Times, candidate: _Times) -> tuple[float, float]:
    """How much each median's share moves the ratio, the larger as 1."""
    slopes = reference.slope(), candidate.slope()
    largest = max(slopes)
    return (slopes[0] / largest, -slopes[1] / largest) if largest > 0 else (1.0, -1.0)


def _inflation(deviations: Sequence[float]) -> float:
    """By how much a mean's variance is larger than of independent values, by the likeness of neighbours."""
    square = sum(deviation * deviation for deviation in deviations)
    if square <= 0:
        return 1.0
    likeness = sum(one * other for one, other in pairwise(deviations)) / square
    likeness = max(_LEAST_LIKENESS, min(_MOST_LIKENESS, likeness))
    return (1 + likeness) / (1 - likeness)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Hazen's: the i-th of n stands for the share (i + 0.5) / n; the ends are the extremes."""
    place = max(0.0, min(share * len(ordered) - 0.5, len(ordered) - 1.0))
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
