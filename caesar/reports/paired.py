"""What two runs that continue the same turns differ by, with intervals: the statistics of paired.sql.

The unit is the problem: samples of one problem are no independent evidence. Both intervals are for 95%
and take nothing for granted about how speedups are distributed:

* the difference in fast_1 is the mean over problems; its interval is Agresti and Min's for paired shares
  (two pseudo-problems are added whose squared differences sum to 1), which stays honest where few or no
  problems differ;
* the ratio of speedups is the median over problems in which both sides passed; its interval is the sign
  test's, between order statistics, and needs at least six problems.

Both are given twice: as measured, and as if no candidate with a finding that puts its speedup in doubt had
passed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean, median
from typing import Any

from caesar.reports.query import Table

__all__ = ["Comparison", "Difference", "Estimate", "comparisons", "median_of", "share_difference"]

_Z = 1.959963984540054
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and where it may lie; the bounds are absent where there is too little to tell."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much one run came out better than the other."""

    better: int
    """Problems with a higher share above the reference's speed."""
    worse: int
    fast_1: Estimate
    """Difference of shares, -1 to 1."""
    ratio: Estimate | None
    """Speedup over speedup; absent where no problem has both."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run against an earlier one."""

    run: str
    name: str
    against: str
    against_name: str
    turns: int
    """After how many turns."""
    problems: int
    pairs: int
    measured: Difference
    undoubted: Difference
    """Without candidates whose speedup is in doubt."""
    doubted: int
    """For how many trajectories that makes a difference."""


def comparisons(table: Table) -> tuple[Comparison, ...]:
    """The comparisons that paired.sql's rows tell of, in their order."""
    grouped = groupby(table.records(), key=lambda row: (row["run"], row["against"]))
    return tuple(_comparison(list(rows)) for _, rows in grouped)


def _comparison(rows: Sequence[Mapping[str, Any]]) -> Comparison:
    first = rows[0]
    return Comparison(
        run=first["run"],
        name=first["name"],
        against=first["against"],
        against_name=first["against_name"],
        turns=first["turns"],
        problems=len(rows),
        pairs=sum(row["pairs"] for row in rows),
        measured=_difference(rows, suffix=""),
        undoubted=_difference(rows, suffix="_undoubted"),
        doubted=sum(row["doubted"] for row in rows),
    )


def _difference(rows: Sequence[Mapping[str, Any]], *, suffix: str) -> Difference:
    """What the columns of that ending tell."""
    shares = [row["fast_1_difference" + suffix] for row in rows]
    ratios = [ratio for row in rows if (ratio := row["log_ratio" + suffix]) is not None]
    return Difference(
        better=sum(share > 0 for share in shares),
        worse=sum(share < 0 for share in shares),
        fast_1=share_difference(shares),
        ratio=_exponential(median_of(ratios)) if ratios else None,
    )


def share_difference(differences: Sequence[float]) -> Estimate:
    """The mean of differences of shares, with Agresti and Min's interval."""
    count = len(differences) + 2
    mean = sum(differences) / count
    variance = (sum(difference**2 for difference in differences) + 1) / count - mean**2
    half = _Z * math.sqrt(max(0.0, variance) / count)
    return Estimate(fmean(differences), max(-1.0, mean - half), min(1.0, mean + half))


def median_of(values: Iterable[float]) -> Estimate:
    """The median, between the order statistics that hold it with at least 95%."""
    ordered = sorted(values)
    outside = _outside(len(ordered))
    if outside is None:
        return Estimate(median(ordered), None, None)
    return Estimate(median(ordered), ordered[outside], ordered[-1 - outside])


def _outside(count: int) -> int | None:
    """How many values can be left off at each end; None where even none leaves too little certainty."""
    tail, left = 0.0, None
    for number in range(count // 2):
        tail += math.comb(count, number) / 2**count
        if 1 - 2 * tail < _LEVEL:
            break
        left = number
    return left


def _exponential(estimate: Estimate) -> Estimate:
    low, high = (None if bound is None else math.exp(bound) for bound in (estimate.low, estimate.high))
    return Estimate(math.exp(estimate.value), low, high)
