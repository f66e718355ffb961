"""One candidate against the reference: load, trials, scrutiny, timing, evidence, in that order.

The candidate runs elsewhere (`opponent`); here is what it can't reach. Whatever ends a contest early
is an exception of `wire` or `opponent`, or a `_Wrong`; all end as the report's ending.

Imports torch: the judge only.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch

from caesar.domain import Finding, Mismatch, storable
from caesar.effects import Tf32
from caesar.evaluators.bench import Bench, Stand
from caesar.evaluators.clock import ASLEEP_MS, AWAKE_MS, Calibration
from caesar.evaluators.compare import is_finite, mismatch
from caesar.evaluators.evidence import evidence_of, findings_of
from caesar.evaluators.layout import rebuilt
from caesar.evaluators.opponent import CandidateRaised, Opponent
from caesar.evaluators.policy import Policy
from caesar.evaluators.protocol import (
    Differs,
    Ending,
    Gone,
    Measured,
    Passed,
    Raised,
    Reached,
    Report,
    Stage,
    Violated,
)
from caesar.evaluators.reference import copy_state, secret_seed
from caesar.evaluators.roofline import Work, finding_of, peak_of
from caesar.evaluators.scrutiny import KINDS, exact_of, inputs_of
from caesar.evaluators.timing import Bout, measure
from caesar.evaluators.vacuity import passes_idly
from caesar.evaluators.wire import Lost, Violation

__all__ = ["Contest"]

_IDLE_CALLS = 30
_IDLE_SHOWS = 10
_PAUSE_S = 0.002
_UNDISTURBED = 0.1
"""The share of the CPU that others may use while something is timed before it is worth a finding."""

_SCRUTINY_S = 1.0
"""How long other inputs may be looked at; what does not fit is left out, and the report says so."""

_FIRST_KIND = "own"
"""Looked at however long it takes, and so is the one after it."""

_POISONS = (0xFF, 0x7F)
"""What the outputs' buffer is filled with in turns: NaN in every floating-point type, and two integers."""


class _Wrong(Exception):  # noqa: N818 - a verdict in the making
    def __init__(self, reason: str, found: Mismatch | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.found = found


@dataclass(slots=True)
class _Account:
    """What a contest has come to so far."""

    reached_s: dict[Stage, float] = field(default_factory=dict)
    parameters: str | None = None
    trials: int = 0
    trials_passed: int = 0
    findings: dict[str, Finding] = field(default_factory=dict)
    looked_at: dict[str, float] = field(default_factory=dict)
    conditions: dict[str, float] = field(default_factory=dict)


class Contest:
    """Judges one candidate on a bench; `progress` is told of every stage as it begins."""

    def __init__(
        self,
        bench: Bench,
        opponent: Opponent,
        *,
        sliced: Stand | None,
        work: Work | None,
        policy: Policy,
        progress: Callable[[Reached], None],
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._bench = bench
        self._opponent = opponent
        self._sliced = sliced
        self._work = work
        self._policy = policy
        self._progress = progress
        self._now = now
        self._began = now()
        self._account = _Account()
        self._calibration = Calibration.unknown()

    @property
    def _tolerance(self) -> float:
        return self._bench.settings.precision.tolerance

    def report(self) -> Report:
        """Judge; every way in which a candidate can fail is part of the report."""
        ending = self._ending()
        account = self._account
        return Report(
            ending=ending,
            reached_s=account.reached_s,
            parameters=account.parameters,
            trials_passed=account.trials_passed,
            trials=account.trials,
            findings=tuple(account.findings.values()),
            looked_at=account.looked_at,
            conditions=account.conditions,
            seconds=self._now() - self._began,
        )

    def _ending(self) -> Ending:
        try:
            return self._judge()
        except _Wrong as wrong:
            return Differs(wrong.reason, wrong.found)
        except CandidateRaised as end:
            raised = end.raised
            return Raised(
                storable(raised.error),
                storable(raised.detail),
                out_of_memory=raised.out_of_memory,
                hardware=raised.hardware and not self._bench.device.works(),
            )
        except Violation as violation:
            return Violated(storable(str(violation)))
        except Lost:
            return Gone()

    def _judge(self) -> Ending:
        self._enter(Stage.SETUP)
        copy_state(self._bench.state, self._bench.model)
        self._calibrate()
        self._enter(Stage.CANDIDATE)
        self._account.parameters = "copied" if self._opponent.load().copied else "seeded"
        self._enter(Stage.TRIAL)
        for _ in range(self._bench.settings.correctness_trials):
            self._trial()
        self._enter(Stage.SCRUTINY)
        self._scrutinise()
        self._enter(Stage.TIMING)
        passed = self._time()
        self._enter(Stage.EVIDENCE)
        with suppress(Lost, CandidateRaised, Violation):  # what was measured stands, whatever becomes of it now
            self._gather_evidence()
            self._try_another_shape()
        self._apply_policy()
        return passed

    def _enter(self, stage: Stage) -> None:
        seconds = self._now() - self._began
        self._account.reached_s[stage] = seconds
        self._progress(Reached(stage, seconds))

    def _notice(self, kind: str, detail: str) -> None:
        """A finding; where the policy says that it decides, the end."""
        self._account.findings.setdefault(kind, Finding(kind, detail[:500]))
        if self._policy.rejects(kind):
            raise _Wrong(kind)

    def _apply_policy(self) -> None:
        for kind in self._account.findings:
            if self._policy.rejects(kind):
                raise _Wrong(kind)

    def _calibrate(self) -> None:
        """Learn what asking and showing cost, from a process in which nothing of the candidate's has run."""
        idle, shown = [], []
        for _ in range(_IDLE_CALLS):
            self._bench.device.flush()
            self._pause()
            idle.append(self._opponent.idle().wall_ms)
        for _ in range(_IDLE_SHOWS):
            self._opponent.idle()
            shown.append(self._opponent.show()[1])
        slack_ms = AWAKE_MS if self._bench.spin_s else ASLEEP_MS
        self._calibration = Calibration.of(idle, shown, slack_ms=slack_ms)

    def _pause(self) -> None:
        """Let the candidate's process fall asleep, as it does between calls, unless it waits without."""
        if not self._bench.spin_s:
            time.sleep(_PAUSE_S)

    def _trial(self) -> None:
        account, seed = self._account, secret_seed()
        account.trials += 1
        stand = self._bench.stands[account.trials % len(self._bench.stands)]
        inputs = stand.release(secret_seed())  # another seed: the candidate is told the call's
        expected = self._bench.expected(inputs, seed=seed)
        if account.trials == 1 and not is_finite(expected):
            self._notice("reference_nonfinite", "the reference's output has NaN or infinite values")
        idle = passes_idly(inputs, expected, tolerance=self._tolerance) if account.trials == 1 else None
        if idle is not None:
            self._notice("vacuous", f"{idle} would pass this problem as well")
        found = self._answered(stand, expected, seed=seed)
        if found is not None:
            self._look_closer(stand, expected, seed=seed)
            raise _Wrong(found.kind, found)
        if not stand.intact():
            self._notice("input_mutated", "the candidate changed its inputs")
        account.trials_passed += 1

    def _look_closer(self, stand: Stand, expected: Any, *, seed: int) -> None:
        """What else to say of a wrong answer: changed inputs, and whether it is right the next time."""
        if not stand.intact():
            finding = Finding("input_mutated", "the candidate changed its inputs")
            self._account.findings.setdefault(finding.kind, finding)
        stand.release(stand.seed)
        if self._answered(stand, expected, seed=seed) is None:
            detail = "the same inputs gave a wrong output, then a right one"
            self._account.findings.setdefault("flaky", Finding("flaky", detail))

    def _answered(self, stand: Stand, expected: Any, *, seed: int) -> Mismatch | None:
        """Call the candidate on what is released; how its outputs differ from what is expected."""
        self._bench.poison(_POISONS[self._account.trials % len(_POISONS)])
        self._opponent.prepare(slot=self._slot_of(stand), seed=seed)
        self._opponent.call()
        shown, _ = self._opponent.show()
        return mismatch(
            expected,
            shown,
            self._outputs(stand),
            tolerance=self._tolerance,
            device=self._bench.device,
        )

    def _outputs(self, stand: Stand) -> tuple[torch.Tensor | None, ...]:
        """The outputs' buffer in the form of the reference's outputs."""
        places = (output.place for output in stand.slot.outputs)
        return tuple(None if place is None else rebuilt(place, self._bench.outputs) for place in places)

    def _slot_of(self, stand: Stand) -> int:
        stands = self._bench.stands
        return next((at for at, one in enumerate(stands) if one.buffer is stand.buffer), len(stands))

    def _scrutinise(self) -> None:
        """Look at the candidate's error on other inputs, against float64, as far as time allows."""
        deadline = self._now() + _SCRUTINY_S
        for kind in KINDS:
            started = self._now()
            self._look_at(kind)
            if 2 * self._now() - started > deadline and kind != _FIRST_KIND:
                return

    def _look_at(self, kind: str) -> None:
        base, seed = self._bench.stands[0], secret_seed()
        stand = Stand(base.slot, base.buffer, inputs_of(self._bench, kind))
        inputs = stand.release(secret_seed())
        expected = self._bench.expected(inputs, seed=seed)
        if not is_finite(expected):
            return
        exact = exact_of(self._bench, inputs, expected, seed=seed)
        if exact is None:
            return
        self._bench.poison(_POISONS[0])
        self._opponent.prepare(slot=0, seed=seed)
        self._opponent.call()
        shown, _ = self._opponent.show()
        outputs = self._outputs(stand)
        found = mismatch(
            expected,
            shown,
            outputs,
            tolerance=self._tolerance,
            device=self._bench.device,
        )
        if found is not None and found.kind != "values":
            raise _Wrong(found.kind, found)
        seen = exact.compared(
            kind, tuple(out for out in outputs if out is not None and out.is_floating_point())
        )
        self._account.looked_at[kind] = seen.ratio
        if seen.is_wrong():
            self._account.findings.setdefault(
                "wrong_on_other_inputs",
                Finding("wrong_on_other_inputs", _words_of_scrutiny(seen.kind, seen.error)),
            )
            if self._policy.rejects("wrong_on_other_inputs"):
                raise _Wrong("wrong_on_other_inputs", found)
        elif seen.is_imprecise(self._bench.settings.precision):
            detail = (
                f"relative error {seen.error:.1e} on {kind} inputs, the reference's own {seen.own_error:.1e}"
            )
            self._notice("low_precision", detail)

    def _time(self) -> Passed:
        bout = Bout(self._bench, self._opponent, self._calibration, check=self._check_timed, now=self._now)
        measured, notes = measure(bout, settings=self._bench.settings, now=self._now)
        self._account.conditions = self._bench.device.conditions()
        self._notice_contention(bout.watch.share)
        for kind, detail in notes:
            self._notice(kind, detail)
        self._notice_haste(measured)
        return Passed(measured)

    def _notice_haste(self, measured: Measured) -> None:
        """Report a time in which this device could not have done the work."""
        if self._work is None:
            return
        peak, precision = peak_of(self._bench.device.name), self._bench.settings.precision
        finding = finding_of(statistics.median(measured.candidate_ms), self._work, peak, precision=precision)
        if finding is not None:
            self._notice(finding.kind, finding.detail)

    def _check_timed(self, stand: Stand, expected: Any) -> float:
        """Have a timed call's outputs shown; the milliseconds that took. Wrong ones end the contest."""
        shown, show_ms = self._opponent.show()
        found = mismatch(
            expected,
            shown,
            self._outputs(stand),
            tolerance=self._tolerance,
            device=self._bench.device,
        )
        if found is not None:
            raise _Wrong("timed_output", found)
        if not stand.intact():
            self._notice("input_mutated", "the candidate changed its inputs while it was timed")
        return show_ms

    def _notice_contention(self, share: float) -> None:
        """Tell that others used the CPU while the reference was timed, which distorts a wall clock."""
        if not self._bench.cuda and share > _UNDISTURBED:
            self._notice(
                "cpu_shared", f"other processes used {share:.0%} of the CPU while the reference was timed"
            )

    def _gather_evidence(self) -> None:
        stand, seed = self._bench.stands[0], secret_seed()
        stand.release(secret_seed())
        evidence = evidence_of(self._opponent.trace(slot=0, seed=seed))
        if evidence is None:
            raise Violation("a trace that can't be read")
        for finding in findings_of(
            evidence, cuda=self._bench.cuda, allows_tf32=self._bench.settings.tf32 is Tf32.ON
        ):
            self._account.findings.setdefault(finding.kind, finding)

    def _try_another_shape(self) -> None:
        """Whether the candidate also works for a smaller leading dimension: last, since it may crash on it."""
        stand = self._sliced
        if stand is None:
            return
        seed = secret_seed()
        expected = self._bench.expected(stand.release(secret_seed()), seed=seed)
        finding = Finding("shape_specialised", "wrong, or no result, for another size of the leading dimension")
        try:
            right = self._answered(stand, expected, seed=seed) is None
        except (Lost, CandidateRaised, Violation):
            right = False
        if not right:
            self._account.findings.setdefault(finding.kind, finding)


def _words_of_scrutiny(kind: str, error: float) -> str:
    return f"relative error {error:.1e} on {kind} inputs, where the operation is defined"
