"""What `caesar evaluate` says of a candidate that was built and judged: as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from caesar.cli.output import emit_json, emit_text, ratio
from caesar.domain import (
    BuildOutcome,
    Candidate,
    Digest,
    Evaluation,
    KernelBenchResult,
    Mismatch,
    Problem,
    Timing,
    Verdict,
)
from caesar.effects import Built, Evaluated

__all__ = ["say", "say_as_json"]


@dataclass(frozen=True, slots=True)
class _Difference:
    """One time of ours beside KernelBench's: means both, since a mean is all that it gives."""

    ours_ms: float
    kernelbench_ms: float
    difference_ms: float
    """Ours less KernelBench's."""
    percent: float
    """The difference as a share of KernelBench's, in percent."""

    @classmethod
    def of(cls, ours: Timing | None, kernelbench_ms: float | None) -> _Difference | None:
        """None where one of the two was not measured."""
        if ours is None or kernelbench_ms is None:
            return None
        difference_ms = ours.mean_ms - kernelbench_ms
        return cls(ours.mean_ms, kernelbench_ms, difference_ms, 100 * difference_ms / kernelbench_ms)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """How far we and KernelBench agree on a candidate."""

    verdicts_agree: bool
    candidate: _Difference | None
    reference: _Difference | None


def say(built: Built, evaluated: Evaluated | None) -> None:
    """Print how it went, a line for each thing that is known."""
    if evaluated is None:
        emit_text(f"{_verdict(built, None)}: {built.reason}, after {built.seconds:.1f} s\n{built.log}")
        return
    evaluation = evaluated.evaluation
    where = f"on {evaluation.environment.device_name} (trust: {evaluation.environment.trust})"
    emit_text(f"{evaluation.verdict}: {_speed(evaluation) or evaluation.reason} {where}")
    if evaluation.mismatch is not None:
        emit_text(_mismatch(evaluation.mismatch))
    if evaluation.kernelbench is not None:
        emit_text(f"kernelbench: {_kernelbench(evaluation.kernelbench)}")
    comparison = _comparison(evaluation)
    if comparison is not None:
        emit_text(f"kernelbench and ours: {_compared(comparison)}")
    for finding in evaluation.findings:
        emit_text(f"finding: {finding.kind}: {finding.detail}")
    if evaluation.detail is not None:
        emit_text(evaluated.texts[evaluation.detail])


def say_as_json(candidate: Candidate, problem: Problem, built: Built, *, evaluated: Evaluated | None) -> None:
    """Print everything that is known, as one document."""
    evaluation = evaluated.evaluation if evaluated else None
    texts = evaluated.texts if evaluated else {}
    plain = msgspec.to_builtins(evaluation) if evaluation else {}
    environment = plain.get("environment", {})
    comparison = _comparison(evaluation) if evaluation else None
    emit_json({
        "candidate": candidate.digest,
        "problem": f"{problem.suite}/{problem.id}",
        "evaluator": plain.get("evaluator"),
        "device": environment.get("device"),
        "verdict": _verdict(built, evaluation),
        "reason": evaluation.reason if evaluation else built.reason,
        "detail": texts.get(evaluation.detail or "") if evaluation else built.log,
        "trials": plain.get("trials"),
        "trials_passed": plain.get("trials_passed"),
        "parameters": plain.get("parameters"),
        "looked_at": plain.get("looked_at", {}),
        "mismatch": plain.get("mismatch"),
        "findings": plain.get("findings", []),
        "isolation": environment.get("isolation"),
        "trust": environment.get("trust"),
        "timing": _with_samples(plain.get("timing"), texts),
        "baselines": [
            {**baseline, "timing": _with_samples(baseline["timing"], texts)}
            for baseline in plain.get("baselines", [])
        ],
        "speedup": evaluation.speedup if evaluation else None,
        "speedup_interval": plain.get("speedup_interval"),
        "kernelbench": plain.get("kernelbench"),
        "comparison": comparison and asdict(comparison),
        "environment": environment or None,
        "build": {"outcome": built.outcome, "cached": built.cached, "seconds": built.seconds},
    })  # fmt: skip


def _with_samples(timing: dict[str, Any] | None, texts: Mapping[Digest, str]) -> dict[str, Any] | None:
    """A timing with its samples in the place of their digest: there is no store to look it up in."""
    return None if timing is None else {**timing, "samples": json.loads(texts[timing["samples"]])}


def _verdict(built: Built, evaluation: Evaluation | None) -> str:
    if evaluation is not None:
        return evaluation.verdict
    return "build_failed" if built.outcome is BuildOutcome.FAILED else "build_timed_out"


def _speed(evaluation: Evaluation) -> str | None:
    timing = evaluation.timing
    if timing is None:
        return None
    speed = "" if evaluation.speedup is None else f", {ratio(evaluation.speedup)}x the reference's speed"
    if evaluation.speedup_interval is not None:
        low, high = evaluation.speedup_interval
        speed += f" ({low:.3g} to {high:.3g})"
    return f"{timing.median_ms:.4g} ms (median of {timing.trials}){speed}"


def _mismatch(mismatch: Mismatch) -> str:
    output = f" in output {mismatch.output}" if mismatch.output else ""
    place = "" if mismatch.index is None else f" at {list(mismatch.index)}"
    parts = [f"{mismatch.kind}{output}: expected {mismatch.expected}, got {mismatch.got}{place}"]
    if mismatch.wrong_share is not None:
        where = f" ({mismatch.pattern})" if mismatch.pattern else ""
        parts.append(f"{100 * mismatch.wrong_share:.3g}% of elements differ{where}")
    if mismatch.max_abs_error is not None:
        parts.append(f"largest absolute error {mismatch.max_abs_error}")
    if mismatch.nonfinite:
        parts.append(f"elements that are NaN or infinite: {mismatch.nonfinite}")
    return "; ".join(parts)


def _kernelbench(result: KernelBenchResult) -> str:
    if result.runtime_ms is None:
        return "correct, not timed" if result.correct else f"not correct: {result.reason}"
    speed = "" if result.speedup is None else f", {ratio(result.speedup)}x the reference's speed"
    return f"correct: {result.runtime_ms:.4g} ms (mean){speed}"


def _comparison(evaluation: Evaluation) -> _Comparison | None:
    """Both judgements side by side; None where there are not two."""
    theirs = evaluation.kernelbench
    if theirs is None or evaluation.evaluator == theirs.version:
        return None
    eager = next((baseline.timing for baseline in evaluation.baselines if baseline.name == "eager"), None)
    return _Comparison(
        verdicts_agree=(evaluation.verdict is Verdict.PASSED) == theirs.correct,
        candidate=_Difference.of(evaluation.timing, theirs.runtime_ms),
        reference=_Difference.of(eager, theirs.reference_ms),
    )


def _compared(comparison: _Comparison) -> str:
    parts = ["the verdicts agree" if comparison.verdicts_agree else "the verdicts differ"]
    for what, difference in (("candidate", comparison.candidate), ("reference", comparison.reference)):
        if difference is not None:
            parts.append(f"{what} {_told(difference)}")
    return "; ".join(parts)


def _told(difference: _Difference) -> str:
    return (
        f"{difference.kernelbench_ms:.4g} and {difference.ours_ms:.4g} ms (means,"
        f" {difference.difference_ms:+.3g} ms, {difference.percent:+.1f}%)"
    )
