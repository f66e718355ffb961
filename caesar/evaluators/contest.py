"""One candidate against the reference: load, trials, scrutiny, timing, evidence, in that order.

The candidate runs elsewhere (`opponent`); here is what it can't reach. Whatever ends a contest early
is an exception of `wire` or `opponent`, or a `Wrong`; all end as the report's ending.

Imports torch: the judge only.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from caesar.domain import Mismatch, storable
from caesar.effects import Tf32
from caesar.evaluators.account import Account, Wrong
from caesar.evaluators.bench import Bench, Stand
from caesar.evaluators.clock import ASLEEP_MS, AWAKE_MS, Calibration, Span
from caesar.evaluators.compare import is_finite, mismatch
from caesar.evaluators.contention import Watch
from caesar.evaluators.evidence import evidence_of, findings_of
from caesar.evaluators.layout import rebuilt
from caesar.evaluators.opponent import Called, CandidateRaised, Opponent
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
from caesar.evaluators.scrutiny import KINDS, Exact, Scrutiny, exact_of, inputs_of
from caesar.evaluators.timing import Bout, Taken, measure, quiet_ms
from caesar.evaluators.vacuity import Sample, passes_idly, sample_of, samples_agree
from caesar.evaluators.wire import Lost, Violation

__all__ = ["Contest"]

_IDLE_CALLS = 30
_IDLE_SHOWS = 10
"""The last so many of the idle calls: what they made is shown, too."""

_COPIES = 3
_PAUSE_S = 0.002
_UNDISTURBED = 0.1
"""The share of the CPU that others may use while something is timed on it before it is worth a finding."""

_DISTURBED = {True: (0.2, 0.01), False: (0.5, 0.1)}
"""On a GPU or not: by which share, and so many milliseconds, the reference may be slower when it is timed.

Clocks and caches explain less; on a CPU whatever else runs there explains much.
"""

_SCRUTINY_S = 1.0
"""How long the judge may take for other inputs; what does not fit is left out, and the report says so."""

_FIRST_KIND = "own"
"""Looked at however long it takes, and so is the one after it."""

_SURELY_WITHIN = 12
_LOOKING_SHARE = 0.25
"""One of so many timed calls is held to float64, and half of the others as far as that share of time allows."""

_POISONS = (0xFF, 0x7F)
"""What the outputs' buffer is filled with in turns: NaN in every floating-point type, and two integers."""


@dataclass(frozen=True, slots=True)
class _Question:
    """Inputs to be looked at, and what the reference makes of them."""

    kind: str
    stand: Stand
    inputs: list[Any]
    seed: int
    expected: Any
    exact: Exact


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
        self._progress = progress
        self._now = now
        self._began = now()
        self._account = Account(policy)
        self._calibration = Calibration()
        self._timed_calls, self._sure_look, self._looks_s = 0, secrets.randbelow(_SURELY_WITHIN), 0.0
        self._sample: Sample = ()
        """Of the reference's output in the first trial."""

    @property
    def _tolerance(self) -> float:
        return self._bench.settings.precision.tolerance

    def report(self) -> Report:
        """Judge; every way in which a candidate can fail is part of the report."""
        ending = self._ending()
        return self._account.report(ending, seconds=self._now() - self._began)

    def _ending(self) -> Ending:
        try:
            return self._judge()
        except Wrong as wrong:
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
        quiet = quiet_ms(self._bench, now=self._now)
        self._calibrate()
        self._enter(Stage.CANDIDATE)
        self._account.parameters = "copied" if self._opponent.load().copied else "seeded"
        self._enter(Stage.TRIAL)
        for _ in range(self._bench.settings.correctness_trials):
            self._trial()
        self._enter(Stage.SCRUTINY)
        self._scrutinise()
        self._enter(Stage.TIMING)
        passed = self._time(quiet)
        self._enter(Stage.EVIDENCE)
        if self._gather_evidence():
            self._try_another_shape()
        self._account.settle()
        return passed

    def _enter(self, stage: Stage) -> None:
        seconds = self._now() - self._began
        self._account.reached_s[stage] = seconds
        self._progress(Reached(stage, seconds))

    def _calibrate(self) -> None:
        """Learn what asking and showing cost, from a process in which nothing of the candidate's has run."""
        idle: list[Called] = []
        taken: list[Taken] = []
        stands = cycle(self._bench.stands)
        for left in reversed(range(_IDLE_CALLS)):
            self._pause()
            idle.append(self._opponent.idle())
            if left < _IDLE_SHOWS:
                taken.append(self.take(next(stands)))
        self._calibration = Calibration(
            idle=Span.of([called.wall_ms for called in idle]),
            withdrawing=Span.of([one.withdrawn_ms for one in taken]),
            showing=Span.of([one.shown_ms for one in taken]),
            copying_ms=min(self._copying_ms() for _ in range(_COPIES)),
            slack_ms=AWAKE_MS if self._bench.spin_s else ASLEEP_MS,
            gated=self._bench.cuda,
        )

    def _copying_ms(self) -> float:
        """How long a plain copy of the outputs' memory takes."""
        began = self._now()
        self._bench.kept.bytes().copy_(self._bench.outputs.bytes())
        self._bench.device.synchronize()
        return (self._now() - began) * 1000.0

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
            account.notice("reference_nonfinite", "the reference's output has NaN or infinite values")
        self._notice_vacuity(inputs, expected)
        taken, intact = self._called(stand, inputs, seed=seed)
        found = self._mismatch(expected, taken)
        if not intact:
            account.note("input_mutated", "the candidate changed its inputs")
        if found is not None:
            self._call_again(stand, inputs)
            raise Wrong(found.kind, found)
        account.settle()
        account.trials_passed += 1

    def _notice_vacuity(self, inputs: list[Any], expected: Any) -> None:
        """Tell what would pass without computing; in the second trial, whether the first one's output would."""
        if self._account.trials == 1:
            idle = passes_idly(inputs, expected, tolerance=self._tolerance)
            self._sample = sample_of(expected) if idle is None else ()
        else:
            other = sample_of(expected) if self._sample else ()
            agree = samples_agree(self._sample, other, tolerance=self._tolerance)
            idle, self._sample = "the output for other inputs" if agree else None, ()
        if idle is not None:
            self._account.notice("vacuous", f"{idle} would pass this problem as well")

    def _call_again(self, stand: Stand, inputs: list[Any]) -> None:
        """What else to say of a wrong answer: whether it is right with other random numbers, the next time."""
        seed = secret_seed()
        expected = self._bench.expected(inputs, seed=seed)
        stand.show(inputs)
        taken, _ = self._called(stand, inputs, seed=seed)
        if self._mismatch(expected, taken) is None:
            self._account.note("flaky", "the same inputs gave a wrong output, then a right one")

    def _called(self, stand: Stand, inputs: list[Any], *, seed: int) -> tuple[Taken, bool]:
        """What the candidate makes of the inputs that are shown, and whether it left them as they were."""
        self._bench.poison(_POISONS[self._account.trials % len(_POISONS)])
        self._opponent.prepare(slot=self._slot_of(stand), seed=seed)
        self._opponent.call()
        intact = stand.holds(inputs)
        return self.take(stand), intact

    def take(self, stand: Stand) -> Taken:
        """Withdraw the last call's inputs, have its outputs shown, and copy them out of reach.

        What is computed from now on lacks its inputs, what is written from then on is too late, and
        nothing is looked at twice.
        """
        began = self._now()
        stand.withdraw()
        self._bench.device.synchronize()
        withdrawn_ms = (self._now() - began) * 1000.0
        shown, shown_ms = self._opponent.show()
        self._bench.kept.take(self._bench.outputs)
        self._bench.device.synchronize()
        places = (output.place for output in stand.slot.outputs)
        outputs = tuple(None if place is None else rebuilt(place, self._bench.kept) for place in places)
        return Taken(shown, outputs, withdrawn_ms, shown_ms)

    def _mismatch(self, expected: Any, taken: Taken) -> Mismatch | None:
        device, tolerance = self._bench.device, self._tolerance
        return mismatch(expected, taken.shown, taken.outputs, tolerance=tolerance, device=device)

    def _slot_of(self, stand: Stand) -> int:
        stands = self._bench.stands
        return next((at for at, one in enumerate(stands) if one.buffer is stand.buffer), len(stands))

    def _scrutinise(self) -> None:
        """Look at the candidate's error on other inputs, against float64, as far as time allows.

        The judge's own time: a candidate that is slow, or makes itself so, is looked at no less.
        """
        spent_s = 0.0
        for kind in KINDS:
            began = self._now()
            question = self._question(kind)
            took_s = self._now() - began
            if question is not None:
                self._look_at(question)
            spent_s += took_s
            if spent_s + took_s > _SCRUTINY_S and kind != _FIRST_KIND:
                break
        if not self._account.looked_at:
            self._account.notice("unscrutinised", "on no inputs could its error be compared with float64's")

    def _question(self, kind: str) -> _Question | None:
        """Inputs of a kind, with what is right for them; None where the operation is not defined on them."""
        base, seed = self._bench.stands[0], secret_seed()
        stand = Stand(base.slot, base.buffer, inputs_of(self._bench, kind))
        inputs = stand.release(secret_seed())
        expected = self._bench.expected(inputs, seed=seed)
        if not is_finite(expected):
            return None
        exact = exact_of(self._bench, inputs, expected, seed=seed)
        return None if exact is None else _Question(kind, stand, inputs, seed, expected, exact)

    def _look_at(self, question: _Question) -> None:
        kind, stand, inputs = question.kind, question.stand, question.inputs
        taken, _ = self._called(stand, inputs, seed=question.seed)
        found = self._mismatch(question.expected, taken)
        if found is not None and (kind == _FIRST_KIND or found.kind != "values"):
            self._call_again(stand, inputs)
            raise Wrong(found.kind, found)
        seen = question.exact.compared(kind, taken.outputs)
        self._account.looked_at[kind] = seen.ratio
        if seen.is_wrong() and found is not None:
            self._call_again(stand, inputs)
        self._rule_on(seen, where=f"{kind} inputs", found=found)

    def _rule_on(self, seen: Scrutiny, *, where: str, found: Mismatch | None = None) -> None:
        if seen.is_wrong():
            error = f"{seen.wrong} wrong elements" if seen.wrong else f"relative error {seen.error:.1e}"
            words = f"{error} on {where}, where the operation is defined"
            self._account.notice("wrong_on_other_inputs", words, found)
        elif seen.is_imprecise(self._bench.settings.precision):
            words = f"relative error {seen.error:.1e} on {where}, the reference's own {seen.own_error:.1e}"
            self._account.notice("low_precision", words)

    def _time(self, quiet: float) -> Passed:
        watch = Watch(active=not self._bench.cuda)
        bout = Bout(self._bench, self._opponent, self._calibration, examiner=self, watch=watch)
        began, worked = time.monotonic(), time.process_time()
        measured, notes = measure(bout, settings=self._bench.settings, now=self._now)
        self._account.conditions = self._bench.device.conditions()
        self._account.conditions["unseen_ms"] = measured.unseen_ms
        if self._bench.spin_s:  # it never sleeps, unless it has to wait for a core
            share = (time.process_time() - worked) / (time.monotonic() - began)
            self._account.conditions["judge_cpu"] = round(share, 3)
        self._notice_contention(bout.watch.share)
        for kind, detail in notes:
            self._account.notice(kind, detail)
        self._notice_disturbance(statistics.median(measured.reference_ms), quiet)
        self._notice_haste(measured)
        return Passed(measured)

    def _notice_haste(self, measured: Measured) -> None:
        """Report a time in which this device could not have done the work."""
        if self._work is None:
            return
        peak, precision = peak_of(self._bench.device.name), self._bench.settings.precision
        finding = finding_of(statistics.median(measured.candidate_ms), self._work, peak, precision=precision)
        if finding is not None:
            self._account.notice(finding.kind, finding.detail)

    def compare(self, expected: Any, taken: Taken, *, inputs: list[Any], seed: int) -> None:
        """Compare what was taken after a timed call with what is expected; wrong outputs end the contest.

        Some, nobody can foresee which, are held to float64 too: a candidate may be exact until it is timed.
        """
        found = self._mismatch(expected, taken)
        if found is not None:
            raise Wrong("timed_output", found)
        if _FIRST_KIND in self._account.looked_at and self._looks_this_time():
            began = self._now()
            exact = exact_of(self._bench, inputs, expected, seed=seed)
            if exact is not None:
                self._rule_on(exact.compared(_FIRST_KIND, taken.outputs), where="a timed call's inputs")
            self._looks_s += self._now() - began

    def _looks_this_time(self) -> bool:
        """Whether this timed call is one of those that are held to float64."""
        self._timed_calls += 1
        if self._timed_calls == self._sure_look + 1:
            return True
        timing_s = self._now() - self._began - self._account.reached_s[Stage.TIMING]
        return self._looks_s <= _LOOKING_SHARE * timing_s and secrets.randbelow(2) == 0

    def _notice_disturbance(self, reference_ms: float, quiet: float) -> None:
        """Tell that the reference was slower beside the candidate's process than before that was loaded."""
        share, fixed_ms = _DISTURBED[self._bench.cuda]
        if reference_ms > quiet * (1 + share) + fixed_ms:
            self._account.notice(
                "reference_disturbed",
                f"the reference took {reference_ms:.4f} ms beside the candidate's process,"
                f" {quiet:.4f} ms before the candidate was loaded",
            )

    def _notice_contention(self, share: float) -> None:
        """Tell that others used the CPU while nobody should: it distorts a wall clock, or is early work."""
        if share > _UNDISTURBED:
            self._account.notice(
                "cpu_shared",
                f"others used {share:.0%} of the CPU while the reference was timed or inputs were written",
            )

    def _gather_evidence(self) -> bool:
        """What a traced call tells; False where the candidate's process can't be asked anything any more.

        What was measured stands, whatever becomes of the candidate now; that it was not traced is told.
        """
        stand, seed = self._bench.stands[0], secret_seed()
        stand.release(secret_seed())
        try:
            evidence = evidence_of(self._opponent.trace(slot=0, seed=seed))
        except CandidateRaised as end:
            self._account.note("untraced", f"the traced call raised {storable(end.raised.error)}")
            return True
        except (Lost, Violation):
            self._account.note(
                "untraced", "the candidate's process ended, or broke the protocol, when it was traced"
            )
            return False
        if evidence is None:
            self._account.note("untraced", "what the candidate's process told of a traced call can't be read")
            return True
        for finding in findings_of(
            evidence, cuda=self._bench.cuda, allows_tf32=self._bench.settings.tf32 is Tf32.ON
        ):
            self._account.note(finding.kind, finding.detail)
        return True

    def _try_another_shape(self) -> None:
        """Whether the candidate also works for a smaller leading dimension: last, since it may crash on it."""
        stand = self._sliced
        if stand is None:
            return
        seed = secret_seed()
        inputs = stand.release(secret_seed())
        expected = self._bench.expected(inputs, seed=seed)
        try:
            taken, _ = self._called(stand, inputs, seed=seed)
            right = self._mismatch(expected, taken) is None
        except (Lost, CandidateRaised, Violation):
            right = False
        if not right:
            words = "wrong, or no result, for another size of the leading dimension"
            self._account.note("shape_specialised", words)
