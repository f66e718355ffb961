"""What a child's frames add up to, read as strictly as words of an untrusted process deserve.

Pure: bytes in, a value out. What was said before the candidate ran can't be changed afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from caesar.domain import Finding
from caesar.effects import EvaluationSettings
from caesar.evaluators.protocol import (
    STAGES,
    Described,
    Differs,
    Frame,
    Noticed,
    Prepared,
    Raised,
    Reached,
    Stage,
    Timed,
    Tried,
    Unusable,
    decode_frame,
)

__all__ = ["Account", "Ending", "account_of"]

Ending = Unusable | Raised | Differs | Timed
"""The frames after which a child has nothing more to say."""

_MOST_FINDINGS = 20
_TEXT_LENGTH = 500
_PARAMETERS = ("copied", "seeded")


@dataclass(frozen=True, slots=True)
class Account:
    """How far an evaluation came, by its child's word."""

    reached_s: Mapping[Stage, float] = field(default_factory=dict)
    """When each stage began, in seconds since the child's start, in order."""
    described: Described | None = None
    parameters: str | None = None
    trials_passed: int = 0
    findings: tuple[Finding, ...] = ()
    ending: Ending | None = None
    intact: bool = True
    """False where a frame was garbage or out of its place: nothing from there on was read."""

    @property
    def stage(self) -> Stage | None:
        """The stage reached last."""
        return next(reversed(tuple(self.reached_s)), None)

    @property
    def candidate_ran(self) -> bool:
        """Whether the candidate's code was about to be loaded, or more."""
        return Stage.CANDIDATE in self.reached_s


def account_of(replies: Sequence[bytes], *, settings: EvaluationSettings) -> Account:
    """What the replies add up to, up to the first that is not in its place."""
    account = Account()
    for reply in replies:
        frame = decode_frame(reply)
        following = None if frame is None else _after(account, frame, settings)
        if following is None:
            return replace(account, intact=False)
        account = following
    return account


def _after(account: Account, frame: Frame, settings: EvaluationSettings) -> Account | None:
    """The account with one more frame; None where it is out of its place."""
    if account.ending is not None:
        return None
    match frame:
        case Reached():
            return _reached(account, frame)
        case Described():
            return replace(account, described=frame) if account.stage is Stage.DEVICE else None
        case Prepared() | Tried() | Noticed():
            return _told(account, frame, settings)
    return replace(account, ending=frame) if _is_due(account, frame, settings) else None


def _told(account: Account, frame: Prepared | Tried | Noticed, settings: EvaluationSettings) -> Account | None:
    """The account with a fact about the candidate, which has to be there by then."""
    match frame:
        case Prepared():
            return _prepared(account, frame)
        case Tried():
            return _tried(account, settings)
        case Noticed():
            return _noticed(account, frame)


def _is_due(account: Account, ending: Ending, settings: EvaluationSettings) -> bool:
    """Whether an evaluation may end so where it stands."""
    match ending:
        case Unusable():
            return not account.candidate_ran
        case Raised():
            return account.candidate_ran
        case Differs():
            return account.stage is (Stage.TIMING if ending.timed else Stage.TRIAL)
        case Timed():
            return _plausible(account, ending, settings)


def _reached(account: Account, frame: Reached) -> Account | None:
    """Stages come in their order, each once, at times that do not decrease."""
    due = STAGES[len(account.reached_s)] if len(account.reached_s) < len(STAGES) else None
    before = max(account.reached_s.values(), default=0.0)
    if frame.stage is not due or frame.seconds < before:
        return None
    return replace(account, reached_s={**account.reached_s, frame.stage: frame.seconds})


def _prepared(account: Account, frame: Prepared) -> Account | None:
    if account.stage is not Stage.CANDIDATE or frame.parameters not in _PARAMETERS:
        return None
    return replace(account, parameters=frame.parameters)


def _tried(account: Account, settings: EvaluationSettings) -> Account | None:
    if account.stage is not Stage.TRIAL or account.trials_passed >= settings.correctness_trials:
        return None
    return replace(account, trials_passed=account.trials_passed + 1)


def _noticed(account: Account, frame: Noticed) -> Account | None:
    if not account.candidate_ran or len(account.findings) >= _MOST_FINDINGS:
        return None
    finding = Finding(frame.finding.kind[:_TEXT_LENGTH], frame.finding.detail[:_TEXT_LENGTH])
    return replace(account, findings=(*account.findings, finding))


def _plausible(account: Account, frame: Timed, settings: EvaluationSettings) -> bool:
    """Whether the timing comes after every trial passed, with as many positive times of each as can be."""
    counts = {len(frame.candidate_ms), len(frame.reference_ms)}
    return (
        account.stage is Stage.TIMING
        and account.trials_passed == settings.correctness_trials
        and len(counts) == 1
        and 1 <= max(counts) <= settings.timing_trials
        and min(*frame.candidate_ms, *frame.reference_ms) > 0
    )
