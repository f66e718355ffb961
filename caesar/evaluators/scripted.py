"""An evaluator that runs nothing: for tests, demonstrations and trying out strategies.

A candidate says itself what it comes to, in a comment on a line of its own:

    # caesar: passed 0.5        passed, with a median of 0.5 milliseconds
    # caesar: incorrect         any other verdict
    # caesar: fault             no verdict: a fault of the evaluator's

Without such a line it passed, in a time that follows from its text alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from caesar.domain import (
    Baseline,
    Candidate,
    Digest,
    Environment,
    Evaluation,
    Mismatch,
    Timing,
    Trust,
    Verdict,
    digest_of,
)
from caesar.effects import Evaluate, Evaluated, Grant
from caesar.errors import Fault
from caesar.evaluators.statistics import samples_of, timing_of

__all__ = ["BASELINE_MS", "Script", "Scripted", "ScriptedEvaluator", "by_marker"]

BASELINE_MS = 1.0
"""What the reference takes, whatever it is."""

_MARKER = re.compile(r"^# caesar: (\w+)(?: ([0-9.]+))?[ \t]*$", re.MULTILINE)

_REASONS = {
    Verdict.INCORRECT: "values",
    Verdict.CRASHED: "exception:RuntimeError",
    Verdict.TIMED_OUT: "time_limit",
    Verdict.REJECTED: "policy",
}

_MISMATCH = Mismatch("values", expected="1", got="0", index=(0,), wrong_share=1.0, max_abs_error="1")

_DETAIL = "RuntimeError: as scripted"


@dataclass(frozen=True, slots=True)
class Scripted:
    """What a candidate comes to."""

    verdict: Verdict
    median_ms: float = BASELINE_MS
    """The candidate's time, where it passed."""


Script = Callable[[Candidate], Scripted]
"""Decides what a candidate comes to; raises Fault where it comes to nothing."""


def by_marker(candidate: Candidate) -> Scripted:
    """What the candidate's first marker says; Fault for the marker `fault` and for words unknown."""
    marker = _MARKER.search(candidate.source)
    if marker is None:
        return Scripted(Verdict.PASSED, _own_ms(candidate))
    word, median_ms = marker.groups()
    if word == "fault":
        raise Fault("evaluator", "the candidate's marker asks for a fault")
    if word not in tuple(Verdict):
        raise Fault("evaluator", f"a candidate's marker names no verdict: {word}", permanent=True)
    return Scripted(Verdict(word), float(median_ms) if median_ms else _own_ms(candidate))


class ScriptedEvaluator:
    """Answers at once, always the same for the same candidate."""

    def __init__(self, script: Script = by_marker) -> None:
        self._script = script

    @property
    def version(self) -> str:
        """Differs from every real evaluator's: what was scripted was not judged."""
        return "scripted-1"

    async def evaluate(self, evaluate: Evaluate, grant: Grant) -> Evaluated:
        """What the script says, as an evaluation on the granted device."""
        scripted = self._script(evaluate.candidate)
        if scripted.verdict is Verdict.PASSED:
            return self._passed(evaluate, grant, scripted.median_ms)
        crashed = scripted.verdict is Verdict.CRASHED
        evaluation = Evaluation(
            verdict=scripted.verdict,
            environment=_environment(evaluate, grant),
            evaluator=self.version,
            reason=_REASONS[scripted.verdict],
            detail=digest_of(_DETAIL) if crashed else None,
            mismatch=_MISMATCH if scripted.verdict is Verdict.INCORRECT else None,
            trials=1,
        )
        return Evaluated(evaluation, {digest_of(_DETAIL): _DETAIL} if crashed else {})

    def _passed(self, evaluate: Evaluate, grant: Grant, median_ms: float) -> Evaluated:
        texts: dict[Digest, str] = {}
        trials = evaluate.settings.correctness_trials
        evaluation = Evaluation(
            verdict=Verdict.PASSED,
            environment=_environment(evaluate, grant),
            evaluator=self.version,
            trials_passed=trials,
            trials=trials,
            timing=_timing(median_ms, texts),
            baselines=(Baseline("eager", _timing(BASELINE_MS, texts)),),
            parameters="copied",
        )
        return Evaluated(evaluation, texts)


def _timing(median_ms: float, texts: dict[Digest, str]) -> Timing:
    texts[digest_of(samples_of((median_ms,)))] = samples_of((median_ms,))
    return timing_of((median_ms,))


def _own_ms(candidate: Candidate) -> float:
    """Between half and one and a half times the baseline, by the candidate's digest."""
    return round(BASELINE_MS * (0.5 + int(candidate.digest[:8], 16) / (1 << 32)), 6)


def _environment(evaluate: Evaluate, grant: Grant) -> Environment:
    return Environment(
        device=grant.device,
        device_name="scripted device",
        torch="none",
        cuda=None,
        precision=evaluate.settings.precision.value,
        isolation="none",
        trust=Trust.NONE,
    )
