"""Whose clock counts: what a candidate claims is used where the judge's own clock agrees with it. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

__all__ = ["ASLEEP_MS", "AWAKE_MS", "Calibration", "Span"]

_SHARE = 0.05
AWAKE_MS, ASLEEP_MS = 0.1, 0.3
"""By how much the judge's clock, its overhead taken off, may exceed an honest claim: waking up takes time.

The first where judge and candidate wait for each other without sleeping, the second where they sleep.
So this is how fine the judge's clock is: a call that takes less can claim to take nothing, as far as it
can tell, and only the roofline says otherwise. With 0.06 an H100 took 27 of 200 honest candidates for
dishonest.
"""

_WITHDRAW_SHARE, _SHOW_SHARE = {True: 0.1, False: 1.0}, 0.25
"""By which share the two may take longer than before the candidate was loaded, and by the same slack.

Withdrawing is the judge's own work, which an honest candidate does nothing to; showing is the candidate's. On a
CPU (False) wiping 32 MB took 3.3 ms after a call of 3 ms and 1.6 after an idle one, whatever was in the caches.
"""

_WRITE_SHARE = 0.3
"""A call that takes a smaller share of what the judge takes for copying its outputs can't have written them.

Copying reads and writes: where writing alone needs no reading at all it is a third.
"""

_SHARE_PUT_OFF = 0.1
"""And by which share of a call's time: what a candidate could gain at most by putting work off."""

_ODD_SHARE = 1 / 3
"""Which share of calls may be out of line by chance, one in any case: an interrupted call tells nothing.

A speedup is one of medians, which so few calls hardly move.
"""


@dataclass(frozen=True, slots=True)
class Span:
    """How long something takes where a candidate has no part in it."""

    ms: float
    spread_ms: float
    """From the median to the ninetieth percentile."""
    least_ms: float

    @classmethod
    def of(cls, samples_ms: Sequence[float]) -> Self:
        """From samples in their order, the first half of which is warm-up."""
        warm = sorted(samples_ms[len(samples_ms) // 2 :])
        median = statistics.median(warm)
        return cls(median, warm[int(0.9 * (len(warm) - 1))] - median, warm[0])


_NOTHING = Span(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the judge's clock counts where nothing is called: talking, synchronising, wiping, copying."""

    idle: Span = _NOTHING
    withdrawing: Span = _NOTHING
    """The inputs, right after a call."""
    showing: Span = _NOTHING
    """The outputs, right after that."""
    copying_ms: float = 0.0
    """The least that a plain copy of the outputs' memory takes the judge, who has the device already."""
    slack_ms: float = AWAKE_MS
    gated: bool = False
    """Whether calls are asked for before they can begin."""

    def rushed(self, wall_ms: Sequence[float]) -> bool:
        """Whether more calls than chance explains were over sooner than one in which nothing is called.

        Who says so has not waited for his inputs, and is charged from when he was asked. Only on a GPU,
        whose change from one process to another takes always as long.
        """
        soon = sum(wall < self.idle.least_ms / 2 for wall in wall_ms)
        return self.gated and soon > _odd_ones(len(wall_ms))

    def judged(self, wall_ms: float) -> float:
        """A call's time by the judge's clock, its overhead taken off."""
        return max(wall_ms - self.idle.ms, 1e-6)

    def agrees(self, claimed_ms: Sequence[float], wall_ms: Sequence[float]) -> bool:
        """Whether the claims can be true: neither their median nor many of them are too small for noise."""
        judged = [self.judged(wall) for wall in wall_ms]
        short = sum(claim < self._least(ours) for claim, ours in zip(claimed_ms, judged, strict=True))
        return short <= _odd_ones(len(judged)) and statistics.median(claimed_ms) >= self._least(
            statistics.median(judged)
        )

    def unseen_ms(self, wall_ms: float) -> float:
        """How much of the work of calls that take so long could be done at other times without its showing."""
        claimed_ms = self.judged(wall_ms) - self._least(self.judged(wall_ms))
        withdrawing_ms = self._excused(self.withdrawing, _WITHDRAW_SHARE[self.gated], call_ms=wall_ms)
        return claimed_ms + withdrawing_ms + self._excused(self.showing, _SHOW_SHARE, call_ms=wall_ms)

    def _least(self, judged_ms: float) -> float:
        """The smallest claim that can be true where the judge's clock says so much."""
        return judged_ms * (1 - _SHARE) - self.slack_ms - 2 * self.idle.spread_ms

    def late(
        self, withdrawn_ms: Sequence[float], shown_ms: Sequence[float], *, wall_ms: Sequence[float]
    ) -> tuple[float, ...]:
        """What each call put off until its inputs were withdrawn or its outputs shown, in milliseconds.

        All of the showing where the call was too short to have written its outputs: they came about
        when they were to be copied. All zeros where no more were late than chance explains.
        """
        call_ms = statistics.median(wall_ms)
        found = tuple(
            self._put_off(withdrawn, self.withdrawing, share=_WITHDRAW_SHARE[self.gated], call_ms=call_ms)
            + (
                shown
                if self.judged(wall) < self._writing_ms()
                else self._put_off(shown, self.showing, share=_SHOW_SHARE, call_ms=call_ms)
            )
            for withdrawn, shown, wall in zip(withdrawn_ms, shown_ms, wall_ms, strict=True)
        )
        if sum(late > 0 for late in found) <= _odd_ones(len(found)):
            return (0.0,) * len(found)
        return found

    def _writing_ms(self) -> float:
        """What writing the outputs takes at least; zero where it is too little for this clock."""
        return _WRITE_SHARE * max(0.0, self.copying_ms - self.slack_ms)

    def _put_off(self, took_ms: float, span: Span, *, share: float, call_ms: float) -> float:
        """The milliseconds beyond what the span explains; none where noise explains them."""
        late_ms = took_ms - span.ms
        return late_ms if late_ms > self._excused(span, share, call_ms=call_ms) else 0.0

    def _excused(self, span: Span, share: float, *, call_ms: float) -> float:
        """The milliseconds beyond the span that noise explains."""
        return share * span.ms + self.slack_ms + 2 * span.spread_ms + _SHARE_PUT_OFF * call_ms


def _odd_ones(calls: int) -> int:
    """How many of so many calls may be out of line by chance."""
    return max(1, int(_ODD_SHARE * calls))
