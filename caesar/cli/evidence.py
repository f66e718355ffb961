"""An evaluation in words: the verdict first, then what a reader needs to know how far to believe it.

What a candidate may have had a hand in (a mismatch's values, a finding's detail) is kept to its line, so that
it can't pass for one of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from signal import Signals
from typing import Any

import msgspec

from caesar.cli.comparison import Comparison
from caesar.cli.output import one_line, ratio
from caesar.domain import DOUBTS, Environment, Evaluation, KernelBenchResult, Mismatch, Timing, Verdict
from caesar.evaluators.protocol import Stage

__all__ = ["evaluation_document", "evaluation_lines", "interval_words"]

_SIGNALS = {str(int(one)): one.name for one in Signals}
_STAGES = frozenset(Stage)


def evaluation_document(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation for programs: what it holds, by the names of docs/events.md, and what follows from it."""
    plain: dict[str, Any] = msgspec.to_builtins(evaluation)
    comparison = Comparison.of(evaluation)
    return {
        **plain,
        "speedup": evaluation.speedup,
        "speedup_at_least": evaluation.speedup_at_least,
        "doubts": evaluation.doubts,
        "comparison": comparison and asdict(comparison),
    }


def evaluation_lines(evaluation: Evaluation) -> Iterator[str]:
    """The evaluation for people, a line for each thing there is to say."""
    environment = evaluation.environment
    came_to = one_line(_speed(evaluation) or _reason(evaluation) or "")
    yield f"{evaluation.verdict}: {came_to} on {environment.device_name} ({_shut_in(environment)})"
    yield from _noticed(evaluation)
    if evaluation.trials:
        yield f"trials: {evaluation.trials_passed} of {evaluation.trials} passed"
    if evaluation.timing is not None:
        yield f"times: {_spread(evaluation.timing)}"
        yield from _unseen(evaluation)
    if evaluation.baselines:
        times = (f"{baseline.name} {baseline.timing.median_ms:.4g} ms" for baseline in evaluation.baselines)
        yield f"baselines: {', '.join(times)}"
    if evaluation.looked_at:
        yield f"other inputs (error over the reference's): {_numbers(evaluation.looked_at)}"
    if (conditions := _conditions(environment)) and evaluation.timing is not None:
        yield f"conditions: {conditions}"
    yield from _other_judgement(evaluation)


def _noticed(evaluation: Evaluation) -> Iterator[str]:
    """What is wrong with its outputs, and what was found, of which ! puts the speedup in doubt."""
    if evaluation.mismatch is not None:
        yield f"mismatch: {one_line(_mismatch(evaluation.mismatch))}"
    for finding in evaluation.findings:
        doubt = "!" if finding.kind in DOUBTS else ""
        yield f"finding: {doubt}{finding.kind}: {one_line(finding.detail)}"
    if evaluation.speedup is not None and evaluation.doubts:
        yield f"in doubt (!): the speedup, for {', '.join(evaluation.doubts)}"


def _unseen(evaluation: Evaluation) -> Iterator[str]:
    least = evaluation.speedup_at_least
    if least is not None:
        unseen_ms = evaluation.environment.conditions["unseen_ms"]
        yield (
            f"unseen: {ratio(least)}x at least, had each call done {unseen_ms:.4g} ms of its work"
            " where the judge's clock could have missed it"
        )


def _other_judgement(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.kernelbench is not None:
        yield f"kernelbench: {one_line(_kernelbench(evaluation.kernelbench))}"
    comparison = Comparison.of(evaluation)
    if comparison is not None:
        yield f"kernelbench and ours: {comparison}"


def interval_words(interval: tuple[float, float] | None) -> str | None:
    """A speedup's interval: 1.15 to 2.14; None where there is none."""
    return None if interval is None else f"{ratio(interval[0])} to {ratio(interval[1])}"


def _shut_in(environment: Environment) -> str:
    return f"trust: {environment.trust}, isolation: {environment.isolation}"


def _reason(evaluation: Evaluation) -> str | None:
    """The reason, with what a reader has to look up otherwise: a signal's name, the limit, how far it came."""
    kind, _, argument = (evaluation.reason or "").partition(":")
    if kind == "signal" and argument in _SIGNALS:
        return f"{evaluation.reason} ({_SIGNALS[argument]})"
    if evaluation.verdict is Verdict.TIMED_OUT:
        reached = [stage for stage in evaluation.environment.seconds if stage in _STAGES]
        return f"{evaluation.reason} (limits.evaluate){f' in stage {reached[-1]}' if reached else ''}"
    return evaluation.reason


def _speed(evaluation: Evaluation) -> str | None:
    timing = evaluation.timing
    if timing is None:
        return None
    speed = "" if evaluation.speedup is None else f", {ratio(evaluation.speedup)}x the reference's speed"
    interval = interval_words(evaluation.speedup_interval)
    speed += "" if interval is None else f" ({interval})"
    return f"{timing.median_ms:.4g} ms (median of {timing.trials}){speed}"


def _spread(timing: Timing) -> str:
    quantiles = {"min": timing.min_ms, **timing.quantiles_ms, "max": timing.max_ms}
    told = [f"{_numbers(quantiles)} ms"]
    if timing.launch_ms is not None:
        told.append(f"launch {timing.launch_ms:.4g} ms")
    if timing.clock is not None:
        told.append(f"the {timing.clock}'s clock")
    return "; ".join(told)


def _conditions(environment: Environment) -> str:
    told = [_numbers(environment.conditions)] if environment.conditions else []
    if environment.alone is not None:
        told.append("alone on the device" if environment.alone else "not alone on the device")
    if environment.tf32:
        told.append("TF32 allowed")
    return ", ".join(told)


def _numbers(named: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in named.items())


def _kernelbench(result: KernelBenchResult) -> str:
    if result.runtime_ms is None:
        return "correct, not timed" if result.correct else f"not correct: {result.reason}"
    speed = "" if result.speedup is None else f", {ratio(result.speedup)}x the reference's speed"
    return f"correct: {result.runtime_ms:.4g} ms (mean){speed}"


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
