"""From a child's end to an evaluation, or to a fault: docs/verdicts.md as pure functions.

Up to the stage `candidate` nothing of the candidate's has run, so every failure is a fault; from
there on every failure is the candidate's.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from caesar.domain import (
    Baseline,
    Digest,
    Environment,
    Evaluation,
    Mismatch,
    Timing,
    Trust,
    Verdict,
    digest_of,
    storable,
)
from caesar.effects import Evaluate, Evaluated, Grant
from caesar.errors import Fault
from caesar.evaluators.account import Account, account_of
from caesar.evaluators.protocol import Cause, Described, Differs, Raised, Stage, Timed, Unusable
from caesar.sandbox.job import Ended, How

__all__ = ["ISOLATION", "VERSION", "evaluated_of", "timing_of"]

VERSION = "1"
"""Changes whenever the same candidate could be judged differently; a run pins it."""

ISOLATION = "none"
"""One process holds candidate and judge; what keeps the supervisor apart is not called a sandbox yet."""

_DETAIL_CHARS = 4000
_TEXT_LENGTH = 500


@dataclass(frozen=True, slots=True)
class _Ruling:
    """A verdict and what is said for it."""

    verdict: Verdict
    reason: str | None = None
    detail: str = ""
    mismatch: Mismatch | None = None
    timed: Timed | None = None


def evaluated_of(work: Evaluate, grant: Grant, ended: Ended, *, device_name: str | None) -> Evaluated:
    """The evaluation that a child's end amounts to; Fault where it says nothing about the candidate."""
    account = account_of(ended.replies, settings=work.settings)
    if ended.survivors:
        raise Fault(
            "device",
            f"a process of the evaluation on {grant.device} outlived being killed: restart the machine",
        )
    if not account.candidate_ran or account.described is None:
        raise _fault(work, grant, ended, account)
    ruling = _ruling(account, ended, device=grant.device)
    environment = _environment(work, grant, account.described, device_name=device_name)
    return _evaluated(
        work, account, ruling, environment=replace(environment, seconds=_seconds(account, ended.seconds))
    )


def _fault(work: Evaluate, grant: Grant, ended: Ended, account: Account) -> Fault:
    """Why the candidate never came to run."""
    problem = f"{work.problem.suite}/{work.problem.id}"
    if isinstance(account.ending, Unusable):
        return _unusable(account.ending, problem=problem, device=grant.device)
    if account.stage is Stage.REFERENCE:
        return Fault("reference", f"the reference of {problem} {_how(ended)} before the candidate was loaded")
    return Fault(
        "evaluator", f"an evaluation on {grant.device} {_how(ended)} before it began: {_tail(ended.output)}"
    )


def _unusable(ending: Unusable, *, problem: str, device: str) -> Fault:
    """The fault in one sentence; trying again helps only where other work may have been in the way."""
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


def _how(ended: Ended) -> str:
    """How a child ended, as the end of a sentence's subject."""
    match ended.how:
        case How.EXITED:
            return f"exited with status {ended.code}"
        case How.SIGNALLED:
            return f"was ended by signal {ended.code}"
        case How.TIMED_OUT:
            return f"ran into the time limit after {ended.seconds:.0f} s"
        case How.OUTPUT_LIMIT:
            return "printed more than the output limit allows"
        case How.REPLY_LIMIT:
            return "replied more than the reply limit allows"
        case How.MEMORY_LIMIT | How.PROCESS_LIMIT:
            return f"ran into its box's {ended.how.value.replace('_', ' ')}"


def _ruling(account: Account, ended: Ended, *, device: str) -> _Ruling:
    """The verdict: how the child ended comes first, what it said only counts if it ended well."""
    output = _tail(ended.output)
    match ended.how:
        case How.TIMED_OUT:
            return _Ruling(Verdict.TIMED_OUT, "time_limit", output)
        case How.REPLY_LIMIT:
            return _Ruling(Verdict.CRASHED, "protocol", output)
        case How.OUTPUT_LIMIT | How.MEMORY_LIMIT | How.PROCESS_LIMIT:
            return _Ruling(Verdict.CRASHED, ended.how.value, output)
        case How.SIGNALLED:
            return _Ruling(Verdict.CRASHED, f"signal:{ended.code}", output)
        case How.EXITED:
            return _exited(account, ended.code, output, device=device)


def _exited(account: Account, code: int, output: str, *, device: str) -> _Ruling:
    if code != 0 or (account.intact and account.ending is None):
        return _Ruling(Verdict.CRASHED, f"exit:{code}", output)
    if not account.intact:
        return _Ruling(Verdict.CRASHED, "protocol", output)
    match account.ending:
        case Raised() as raised:
            return _raised(raised, device=device)
        case Differs(mismatch=mismatch, timed=timed):
            return _Ruling(Verdict.INCORRECT, "timed_output" if timed else mismatch.kind, mismatch=mismatch)
        case Timed() as timed:
            return _Ruling(Verdict.PASSED, timed=timed)
    return _Ruling(Verdict.CRASHED, "protocol", output)


def _raised(raised: Raised, *, device: str) -> _Ruling:
    if raised.hardware:
        raise Fault("device", f"device {device} reports broken hardware: {raised.detail[-_TEXT_LENGTH:]}")
    reason = "out_of_memory" if raised.out_of_memory else f"exception:{_word(raised.error)}"
    return _Ruling(Verdict.CRASHED, reason, _tail(raised.detail))


def _environment(work: Evaluate, grant: Grant, described: Described, *, device_name: str | None) -> Environment:
    return Environment(
        device=grant.device,
        device_name=device_name or described.device_name,
        torch=described.torch,
        cuda=described.cuda,
        precision=work.settings.precision.value,
        isolation=ISOLATION,
        trust=Trust.NONE,
    )


def _seconds(account: Account, total: float) -> Mapping[str, float]:
    """Where the time went; a stage that was not reached took none."""
    check = min(account.reached_s.get(Stage.TRIAL, total), total)
    timing = min(account.reached_s.get(Stage.TIMING, total), total)
    return {"setup": check, "check": timing - check, "timing": total - timing}


def _evaluated(work: Evaluate, account: Account, ruling: _Ruling, *, environment: Environment) -> Evaluated:
    """The evaluation and the texts it names."""
    texts: dict[Digest, str] = {}
    evaluation = Evaluation(
        verdict=ruling.verdict,
        environment=environment,
        evaluator=VERSION,
        reason=ruling.reason,
        detail=_kept(ruling.detail, texts) if ruling.detail else None,
        mismatch=ruling.mismatch and _short(ruling.mismatch),
        trials_passed=account.trials_passed,
        trials=_trials(work, account),
        timing=timing_of(ruling.timed.candidate_ms, texts) if ruling.timed else None,
        baselines=(Baseline("eager", timing_of(ruling.timed.reference_ms, texts)),) if ruling.timed else (),
        parameters=account.parameters,
        findings=account.findings,
    )
    return Evaluated(evaluation, texts)


def _trials(work: Evaluate, account: Account) -> int:
    """How many trials began: the passed ones, and the one under way when the evaluation ended."""
    under_way = account.stage is Stage.TRIAL and account.trials_passed < work.settings.correctness_trials
    return account.trials_passed + under_way


def timing_of(samples: Sequence[float], texts: dict[Digest, str]) -> Timing:
    """The statistics of some milliseconds, whose list is added to the texts."""
    return Timing(
        median_ms=statistics.median(samples),
        mean_ms=statistics.fmean(samples),
        std_ms=statistics.pstdev(samples),
        min_ms=min(samples),
        max_ms=max(samples),
        trials=len(samples),
        samples=_kept(json.dumps(list(samples)), texts),
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
    )


def _word(name: str) -> str:
    """A type's name as a reason may hold it: candidates can call theirs anything, over several lines."""
    return re.sub(r"\W", "_", name)[:_TEXT_LENGTH]


def _tail(text: str) -> str:
    return storable(text)[-_DETAIL_CHARS:]


def _kept(text: str, texts: dict[Digest, str]) -> Digest:
    """The text's digest, once the text is among the texts."""
    digest = digest_of(text)
    texts[digest] = text
    return digest
