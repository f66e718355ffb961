"""From a judge's report and the end of a candidate's process to an evaluation, or to a fault: pure functions.

docs/verdicts.md says the same in words. Up to the stage `candidate` nothing of the candidate's has
run, so every failure is a fault; from there on every failure is the candidate's.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from caesar.domain import (
    Baseline,
    Digest,
    Environment,
    Evaluation,
    Finding,
    Mismatch,
    Problem,
    Timing,
    Verdict,
    digest_of,
    storable,
)
from caesar.effects import Evaluate, Evaluated, Tf32
from caesar.errors import Fault
from caesar.evaluators.baselines import Measurement
from caesar.evaluators.policy import Policy
from caesar.evaluators.protocol import (
    Cause,
    Described,
    Differs,
    Gone,
    Measured,
    Passed,
    Raised,
    Report,
    Stage,
    Unusable,
    Violated,
)
from caesar.evaluators.statistics import (
    LEAST_PAIRS,
    beyond_one_process,
    samples_of,
    speedup_interval,
    timing_of,
)
from caesar.sandbox.box import Tier
from caesar.sandbox.job import Ended, How

__all__ = [
    "VERSION",
    "Course",
    "Place",
    "evaluated_of",
    "unusable",
    "with_baselines",
    "word",
    "wrote_to_inputs",
]

VERSION = "7"
"""Changes whenever the same candidate could be judged differently; a run pins it."""

_DETAIL_CHARS = 4000
_TEXT_LENGTH = 500

_WRITES = ("CUDA error", "CUDA driver", "CUBLAS_STATUS", "CUDNN_STATUS", "illegal memory access")
"""What writing to a read-only mapping of the device comes to: whoever asks the device next is told."""

_MEMORY_SIGNALS = (7, 11)
"""SIGBUS and SIGSEGV: what writing to read-only memory comes to."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a candidate was judged."""

    device: str
    device_name: str | None
    tier: Tier
    alone: bool | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """How judging a candidate went."""

    described: Described
    report: Report
    ended: Ended
    """Of the candidate's process."""
    timed_out: bool
    """True where its time was up before the judge was through."""
    retried: bool = False
    """True where this is the second time, on inputs that it may write to."""
    judge_s: float = 0.0
    """How long this was waited for until the judge was ready: next to nothing where it was already."""
    process_s: float = 0.0
    """What was neither that nor the judge's report: starting the candidate's process, and ending it.

    Of one that is judged a second time, all of the first time too.
    """


@dataclass(frozen=True, slots=True)
class _Ruling:
    """A verdict and what is said for it."""

    verdict: Verdict
    reason: str | None = None
    detail: str = ""
    mismatch: Mismatch | None = None
    measured: Measured | None = None


def wrote_to_inputs(course: Course) -> bool:
    """Whether the candidate died as one does that writes to its inputs: it deserves a second look."""
    report, ended = course.report, course.ended
    if course.timed_out or report.reached_s.keys() - {Stage.SETUP, Stage.CANDIDATE, Stage.TRIAL}:
        return False
    match report.ending:
        case Gone():
            return (
                ended.how is How.SIGNALLED and ended.code in _MEMORY_SIGNALS and Stage.TRIAL in report.reached_s
            )
        case Raised(error=error, detail=detail):
            return report.trials_passed == 0 and (
                error == "AcceleratorError" or any(word in detail for word in _WRITES)
            )
    return False


def evaluated_of(work: Evaluate, course: Course, place: Place) -> Evaluated:
    """The evaluation that a course amounts to; Fault where it says nothing about the candidate."""
    report, ended = course.report, course.ended
    if ended.survivors:
        raise Fault(
            "survivors",
            f"a process of the evaluation on {place.device} outlived being killed: restart the machine",
        )
    if Stage.CANDIDATE not in report.reached_s:
        raise Fault(
            "evaluator", f"an evaluation on {place.device} ended before it began: {_tail(ended.output, 500)}"
        )
    ruling = _ruling(work, course, device=place.device)
    return _evaluated(course, ruling, environment=_environment(work, course, place))


def with_baselines(
    evaluated: Evaluated, *, known: Sequence[Measurement], measured: Sequence[Measurement], seconds: float
) -> Evaluated:
    """The evaluation with further baselines beside its own, which took so many seconds to have."""
    own = {baseline.name for baseline in evaluated.evaluation.baselines}
    more = [Baseline(one.name, one.baseline.timing, cached=True) for one in known if one.name not in own]
    more += [one.baseline for one in measured]
    texts = {digest_of(text): text for one in (*known, *measured) if (text := samples_of(one.samples_ms))}
    evaluation = replace(
        evaluated.evaluation,
        environment=evaluated.evaluation.environment.booking("baselines", seconds),
        baselines=(*evaluated.evaluation.baselines, *more),
    )
    return Evaluated(evaluation, {**evaluated.texts, **texts})


def unusable(judged: Problem, ending: Unusable, *, device: str) -> Fault:
    """The fault in one sentence; trying again helps only where other work may have been in the way."""
    problem = f"{judged.suite}/{judged.id}"
    what = ending.what[:_TEXT_LENGTH]
    match ending.cause:
        case Cause.DEVICE:
            return Fault("device", f"device {device} can't be used: {what}")
        case Cause.MEMORY:
            return Fault(
                "reference", f"the reference of {problem} does not fit into memory on {device}: {what}"
            )
        case Cause.PACKAGE:
            text = f"needs the package {what}, which is not installed: install it, or leave the problem out"
        case Cause.HUB:
            text = f"needs a model hub's files, which can't be had: download them or leave it out ({what})"
        case Cause.SLOW:
            text = f"is too slow to judge candidates by: {what}; raise limits.evaluate or run fewer trials"
        case Cause.RAISED:
            text = f"fails: {what}; correct the problem, or leave it out"
    return Fault("reference", f"the reference of {problem} {text}", permanent=True)


def _ruling(work: Evaluate, course: Course, *, device: str) -> _Ruling:
    """The verdict: what the judge saw, and where it saw nothing, how the process ended."""
    output = _tail(course.ended.output)
    match course.report.ending:
        case Passed(measured=measured):
            return _passed(work, course, measured)
        case Differs(reason=reason, mismatch=found):
            return _Ruling(Verdict.INCORRECT, reason, mismatch=found)
        case Raised() as raised:
            return _raised(raised, device=device)
        case Violated(what=what):
            return _Ruling(Verdict.CRASHED, "protocol", what)
        case Gone():
            return _gone(course, output)


def _passed(work: Evaluate, course: Course, measured: Measured) -> _Ruling:
    if course.retried and Policy(work.settings.policy).rejects("input_mutated"):
        return _Ruling(Verdict.INCORRECT, "input_mutated")
    return _Ruling(Verdict.PASSED, measured=measured)


def _gone(course: Course, output: str) -> _Ruling:
    ended = course.ended
    if course.timed_out:
        return _Ruling(Verdict.TIMED_OUT, "time_limit", output)
    match ended.how:
        case How.SIGNALLED:
            return _Ruling(Verdict.CRASHED, f"signal:{ended.code}", output)
        case How.EXITED:
            return _Ruling(Verdict.CRASHED, f"exit:{ended.code}", output)
        case How.TIMED_OUT | How.REPLY_LIMIT:  # it had closed its end of the link, and was ended for that
            return _Ruling(Verdict.CRASHED, "protocol", output)
        case _:
            return _Ruling(Verdict.CRASHED, ended.how.value, output)


def _raised(raised: Raised, *, device: str) -> _Ruling:
    if raised.hardware:
        raise Fault("hardware", f"device {device} reports broken hardware: {raised.detail[-_TEXT_LENGTH:]}")
    reason = "out_of_memory" if raised.out_of_memory else f"exception:{word(raised.error)}"
    return _Ruling(Verdict.CRASHED, reason, _tail(raised.detail))


def _environment(work: Evaluate, course: Course, place: Place) -> Environment:
    described = course.described
    return Environment(
        device=place.device,
        device_name=place.device_name or described.device_name,
        torch=described.torch,
        cuda=described.cuda,
        precision=work.settings.precision.value,
        isolation=place.tier.value,
        trust=place.tier.trust,
        seconds=_seconds(course),
        driver=described.driver,
        tf32=work.settings.tf32 is Tf32.ON and described.driver is not None,
        conditions=dict(course.report.conditions),
        alone=place.alone,
    )


def _seconds(course: Course) -> Mapping[str, float]:
    """Where the time on the device went, all of it, by stage."""
    report = course.report
    instants = [*report.reached_s.items(), (None, report.seconds)]
    spent = {str(stage): after - began for (stage, began), (_, after) in pairwise(instants)}
    return {"judge": course.judge_s, "process": course.process_s, **spent}


def _evaluated(course: Course, ruling: _Ruling, *, environment: Environment) -> Evaluated:
    """The evaluation and the texts it names."""
    texts: dict[Digest, str] = {}
    report, measured = course.report, ruling.measured
    evaluation = Evaluation(
        verdict=ruling.verdict,
        environment=environment,
        evaluator=VERSION,
        reason=ruling.reason,
        detail=_kept(ruling.detail, texts) if ruling.detail else None,
        mismatch=ruling.mismatch and _short(ruling.mismatch),
        trials_passed=report.trials_passed,
        trials=report.trials,
        timing=_timing(measured.candidate_ms, texts, launch_ms=measured.launch_ms, clock=measured.clock)
        if measured
        else None,
        baselines=_baselines(measured, texts),
        parameters=report.parameters,
        findings=_findings(course),
        speedup_interval=_interval(measured, gpu=environment.driver is not None),
        looked_at=dict(report.looked_at),
    )
    return Evaluated(evaluation, texts)


def _findings(course: Course) -> tuple[Finding, ...]:
    found = course.report.findings
    survived = course.retried and course.report.trials_passed > 0
    if survived and not any(finding.kind == "input_mutated" for finding in found):
        return (*found, Finding("input_mutated", "the candidate writes to its inputs"))
    return found


def _timing(samples_ms: tuple[float, ...], texts: dict[Digest, str], *, launch_ms: float, clock: str) -> Timing:
    text = samples_of(samples_ms)
    texts[digest_of(text)] = text
    return replace(timing_of(samples_ms), launch_ms=launch_ms, clock=clock)


def _baselines(measured: Measured | None, texts: dict[Digest, str]) -> tuple[Baseline, ...]:
    if measured is None:
        return ()
    eager = _timing(measured.reference_ms, texts, launch_ms=measured.reference_launch_ms, clock="judge")
    return (Baseline("eager", eager),)


def _interval(measured: Measured | None, *, gpu: bool) -> tuple[float, float] | None:
    if measured is None or len(measured.reference_ms) < LEAST_PAIRS:
        return None
    return beyond_one_process(
        speedup_interval(measured.reference_ms, measured.candidate_ms),
        reference_ms=statistics.median(measured.reference_ms),
        candidate_ms=statistics.median(measured.candidate_ms),
        gpu=gpu,
    )


def _short(mismatch: Mismatch) -> Mismatch:
    """The mismatch with its texts bounded: the child's word is not."""
    error = mismatch.max_abs_error
    return replace(
        mismatch,
        kind=mismatch.kind[:_TEXT_LENGTH],
        expected=mismatch.expected[:_TEXT_LENGTH],
        got=mismatch.got[:_TEXT_LENGTH],
        max_abs_error=error and error[:_TEXT_LENGTH],
        pattern=mismatch.pattern and mismatch.pattern[:_TEXT_LENGTH],
    )


def word(name: str) -> str:
    """A type's name as a reason may hold it: candidates can call theirs anything, over several lines."""
    return re.sub(r"\W", "_", name)[:_TEXT_LENGTH]


def _tail(text: str, chars: int = _DETAIL_CHARS) -> str:
    return storable(text)[-chars:]


def _kept(text: str, texts: dict[Digest, str]) -> Digest:
    """The text's digest, once the text is among the texts."""
    digest = digest_of(text)
    texts[digest] = text
    return digest
