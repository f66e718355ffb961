"""What `caesar evaluate` says of a candidate that was built and judged: as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from caesar.cli.evidence import evaluation_document, evaluation_lines
from caesar.cli.output import emit_json, emit_text, one_line
from caesar.domain import BuildOutcome, Candidate, Digest, Evaluation, Problem
from caesar.effects import Built, Evaluated

__all__ = ["say", "say_as_json"]


def say(built: Built, evaluated: Evaluated | None) -> None:
    """Print how it went, a line for each thing that is known."""
    if evaluated is None:
        key = " (limits.build)" if built.outcome is BuildOutcome.TIMED_OUT else ""
        cached = ", as an earlier build of the same source" if built.cached else ""
        emit_text(
            f"{_verdict(built, None)}: {built.reason}{key}, after {built.seconds:.1f} s{cached}\n{built.log}"
        )
        return
    if built.dropped:
        emit_text(f"flags that are not passed on: {one_line(' '.join(built.dropped))}")
    for line in evaluation_lines(evaluated.evaluation):
        emit_text(line)
    if evaluated.evaluation.detail is not None:
        emit_text(evaluated.texts[evaluated.evaluation.detail])


def say_as_json(candidate: Candidate, problem: Problem, built: Built, *, evaluated: Evaluated | None) -> None:
    """Print everything that is known, as one document."""
    evaluation = evaluated.evaluation if evaluated else None
    texts = evaluated.texts if evaluated else {}
    plain = evaluation_document(evaluation) if evaluation else {}
    environment = plain.get("environment", {})
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
        "speedup": plain.get("speedup"),
        "speedup_interval": plain.get("speedup_interval"),
        "speedup_at_least": plain.get("speedup_at_least"),
        "doubts": plain.get("doubts", ()),
        "kernelbench": plain.get("kernelbench"),
        "comparison": plain.get("comparison"),
        "environment": environment or None,
        "build": {
            "outcome": built.outcome, "cached": built.cached, "seconds": built.seconds,
            "headers": built.headers, "dropped": built.dropped,
        },
    })  # fmt: skip


def _with_samples(timing: dict[str, Any] | None, texts: Mapping[Digest, str]) -> dict[str, Any] | None:
    """A timing with its samples in the place of their digest: there is no store to look it up in."""
    return None if timing is None else {**timing, "samples": json.loads(texts[timing["samples"]])}


def _verdict(built: Built, evaluation: Evaluation | None) -> str:
    if evaluation is not None:
        return evaluation.verdict
    return "build_failed" if built.outcome is BuildOutcome.FAILED else "build_timed_out"
