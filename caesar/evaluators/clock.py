"""Whose clock counts: what a candidate claims is used where the judge's own clock agrees with it. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

__all__ = ["ASLEEP_MS", "AWAKE_MS", "Calibration"]

_SHARE = 0.05
AWAKE_MS, ASLEEP_MS = 0.1, 0.3
"""By how much the judge's clock, its overhead taken off, may exceed an honest claim: waking up takes time.

The first where judge and candidate wait for each other without sleeping, the second where they sleep.
So this is how fine the judge's clock is: a call that takes less can claim to take nothing, as far as it
can tell, and only the roofline says otherwise. With 0.06 an H100 took 27 of 200 honest candidates for
dishonest.
"""

_SHOW_SHARE = 0.5
"""By which share showing may take longer than it did before the candidate was loaded, and by the same slack."""

_SHARE_PUT_OFF = 0.1
"""And by which share of a call's time: what a candidate could gain at most by putting work off."""

_ODD_SHARE = 0.25
"""Which share of calls may be out of line by chance, one in any case: an interrupted call tells nothing."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the judge's clock counts where nothing is called: talking, synchronising, copying."""

    overhead_ms: float
    spread_ms: float
    """From the median to the ninetieth percentile."""
    show_ms: float
    show_spread_ms: float
    slack_ms: float = AWAKE_MS

    @classmethod
    def unknown(cls) -> Self:
        """Before anything was asked."""
        return cls(0.0, 0.0, 0.0, 0.0)

    @classmethod
    def of(cls, idle_ms: Sequence[float], show_ms: Sequence[float], *, slack_ms: float = AWAKE_MS) -> Self:
        """From asking and showing with nothing to do; the first half of each is warm-up."""
        return cls(*_middle(idle_ms), *_middle(show_ms), slack_ms)

    def judged(self, wall_ms: float) -> float:
        """A call's time by the judge's clock, its overhead taken off."""
        return max(wall_ms - self.overhead_ms, 1e-6)

    def agrees(self, claimed_ms: Sequence[float], wall_ms: Sequence[float]) -> bool:
        """Whether the claims can be true: neither their median nor many of them are too small for noise."""
        judged = [self.judged(wall) for wall in wall_ms]
        short = sum(claim < self._least(ours) for claim, ours in zip(claimed_ms, judged, strict=True))
        return short <= _odd_ones(len(judged)) and statistics.median(claimed_ms) >= self._least(
            statistics.median(judged)
        )

    def _least(self, judged_ms: float) -> float:
        """The smallest claim that can be true where the judge's clock says so much."""
        return judged_ms * (1 - _SHARE) - self.slack_ms - 2 * self.spread_ms

    def late(self, shown_ms: Sequence[float], *, wall_ms: Sequence[float]) -> tuple[float, ...]:
        """What each call put off until it was shown, in milliseconds.

        All zeros where no more were late than chance explains.
        """
        found = tuple(self._put_off(shown, wall_ms=wall_ms) for shown in shown_ms)
        if sum(late > 0 for late in found) <= _odd_ones(len(found)):
            return (0.0,) * len(found)
        return found

    def _put_off(self, shown_ms: float, *, wall_ms: Sequence[float]) -> float:
        """The milliseconds that showing takes beyond what copying does: work put off until somebody looked."""
        late_ms = shown_ms - self.show_ms
        noise_ms = 2 * self.show_spread_ms + _SHARE_PUT_OFF * statistics.median(wall_ms)
        explained_ms = _SHOW_SHARE * self.show_ms + self.slack_ms + noise_ms
        return late_ms if late_ms > explained_ms else 0.0


def _middle(samples_ms: Sequence[float]) -> tuple[float, float]:
    """The median, and the distance to the ninetieth percentile."""
    warm = sorted(samples_ms[len(samples_ms) // 2 :])
    median = statistics.median(warm)
    return median, warm[int(0.9 * (len(warm) - 1))] - median


def _odd_ones(calls: int) -> int:
    """How many of so many calls may be out of line by chance."""
    return max(1, int(_ODD_SHARE * calls))
