import itertools

import pytest
import torch
from contest_cases import EVIDENCE, Sparring, bench_of
from evaluation_cases import QUICK, REFERENCE

from caesar.domain import Finding, Mismatch
from caesar.effects import Ruling
from caesar.evaluators.contention import Snapshot
from caesar.evaluators.contest import Contest
from caesar.evaluators.device import Cpu, TimedCall
from caesar.evaluators.layout import rebuilt
from caesar.evaluators.opponent import CandidateRaised
from caesar.evaluators.policy import Policy
from caesar.evaluators.protocol import Differs, Gone, Passed, Raised, Stage, Violated
from caesar.evaluators.scrutiny import KINDS, exact_of, sliced_stand
from caesar.evaluators.wire import Lost, Violation
from caesar.evaluators.wire import Raised as RaisedFrame

RAISED = RaisedFrame(1, "KeyError", "Traceback\ud800", out_of_memory=True, hardware=False)


@pytest.fixture(autouse=True)
def steady(monkeypatch):
    """The reference takes as long every time, and nobody uses its CPU: machines are shared and noisy."""
    monkeypatch.setattr(Cpu, "timed", lambda _, call, **_more: TimedCall(0.06, 0.06, call()))
    monkeypatch.setattr(Snapshot, "now", lambda _cpus: None)


class Held:
    """A contest of a function against the reference, and what came of it."""

    def __init__(
        self,
        model=None,
        *,
        reference=REFERENCE,
        settings=QUICK,
        policy=None,
        sparring=Sparring,
        work=None,
        now=None,
        **told,
    ):
        self.reached = []
        with torch.no_grad():
            bench = bench_of(reference, settings=settings, writable=True)
            sliced = sliced_stand(bench)
            self.opponent = sparring(bench, model or bench.model, sliced=sliced, **told)
            contest = Contest(
                bench,
                self.opponent,
                sliced=sliced,
                work=work,
                policy=Policy(policy or {}),
                progress=self.reached.append,
                now=now or itertools.count(step=1e-6).__next__,
            )
            self.report = contest.report()

    @property
    def ending(self):
        return self.report.ending

    @property
    def findings(self):
        return [finding.kind for finding in self.report.findings]


def relu(x):
    return torch.relu(x)


PLAIN = REFERENCE.replace("self.linear(x)", "x")


def test_an_equal_candidate_passes_every_stage_in_order():
    held = Held()

    assert isinstance(held.ending, Passed)
    assert list(Stage) == [reached.stage for reached in held.reached]
    assert {reached.stage: reached.seconds for reached in held.reached} == held.report.reached_s
    assert sorted(held.report.reached_s.values()) == list(held.report.reached_s.values())
    assert (2, 2, "copied", []) == (
        held.report.trials_passed,
        held.report.trials,
        held.report.parameters,
        held.findings,
    )
    assert {"own", "signed", "signs", "large", "small", "binary"} == set(held.report.looked_at)


def test_conditions_say_what_the_judges_clock_could_not_see():
    assert 0 < Held().report.conditions["unseen_ms"] < 100


def test_nothing_of_the_candidates_is_asked_for_before_asking_was_timed():
    asked = Held().opponent.asked

    loaded = asked.index("load")
    assert {"idle", "show"} == set(asked[:loaded])
    assert "idle" not in asked[loaded:]
    assert ["prepare", "call"] == asked[loaded + 1 : loaded + 3]


def test_parameters_that_were_not_copied_are_told():
    assert "seeded" == Held(copied=False).report.parameters


def test_wrong_values_end_a_contest_at_the_first_trial_with_their_pattern():
    held = Held(lambda x: relu(x) + torch.tensor([0.0] * 7 + [1.0]), reference=PLAIN)

    assert isinstance(held.ending, Differs)
    assert ("values", "dim 0: all of 4; dim 1: 1 of 8 (7)") == (
        held.ending.reason,
        held.ending.mismatch.pattern,
    )
    assert (0, 1) == (held.report.trials_passed, held.report.trials)
    assert Stage.TIMING not in held.report.reached_s


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (lambda x: relu(x)[:2], "shape"),
        (lambda x: relu(x).double(), "dtype"),
        (lambda x: (relu(x), x), "count"),
        (lambda x: relu(x).tolist(), "count"),
        (lambda x: [relu(x)], "type"),
        (lambda _: None, "type"),
        (lambda x: relu(x) * float("nan"), "values"),
    ],
)
def test_wrong_forms_of_output_are_told_apart(model, kind):
    assert kind == Held(model, reference=PLAIN).ending.reason


def test_an_answer_that_is_wrong_once_is_wrong_and_flaky():
    calls = itertools.count()

    held = Held(lambda x: relu(x) if next(calls) else x - 1, reference=PLAIN)

    assert ("values", ["flaky"]) == (held.ending.reason, held.findings)


def test_an_answer_that_hangs_on_random_numbers_is_flaky_too():
    outcomes = {}

    def unlucky_at_first(x):
        return relu(x) if outcomes.setdefault(torch.initial_seed(), len(outcomes)) else x - 1

    assert ["flaky"] == Held(unlucky_at_first, reference=PLAIN).findings


def test_an_answer_that_is_wrong_twice_is_not_flaky():
    assert [] == Held(lambda x: x - 1, reference=PLAIN).findings


def test_a_wrong_value_on_the_problems_own_inputs_is_one_whenever_it_comes():
    calls = itertools.count()
    wrong = torch.tensor([1.0] + [0.0] * 31).reshape(4, 8)
    after_the_trials = QUICK.correctness_trials

    held = Held(
        lambda x: relu(x) + (next(calls) == after_the_trials) * wrong,
        reference=PLAIN,
        policy={"low_precision": Ruling.FINDING, "wrong_on_other_inputs": Ruling.FINDING},
    )

    assert ("values", ["flaky"]) == (held.ending.reason, held.findings)
    assert QUICK.correctness_trials == held.report.trials_passed


def test_a_wrong_value_on_other_inputs_that_is_right_the_next_time_is_flaky():
    calls = itertools.count()
    after_its_own_inputs = QUICK.correctness_trials + 1

    held = Held(lambda x: relu(x) + (next(calls) == after_its_own_inputs), reference=PLAIN)

    assert "wrong_on_other_inputs" == held.ending.reason
    assert ["flaky", "wrong_on_other_inputs"] == sorted(held.findings)


def test_no_two_trials_have_the_same_inputs_or_seeds():
    seen = []

    Held(lambda x: seen.append((x.sum().item(), torch.initial_seed())) or relu(x), reference=PLAIN)

    seeds = [seed for _, seed in seen]
    assert len(set(seeds)) == len(seeds)


def test_no_seed_that_a_candidate_is_told_makes_its_inputs():
    seen = []

    held = Held(lambda x: seen.append((x.clone(), torch.initial_seed())) or relu(x), reference=PLAIN)

    make = held.opponent.bench.reference.inputs
    assert len(seen) > 10
    assert not any(torch.equal(make(seed)[0][: len(x)], x) for x, seed in seen)


def test_changing_an_input_is_incorrect_by_default():
    held = Held(lambda x: relu(x) + 0 * x.zero_().sum(), reference=PLAIN)

    assert (Differs("input_mutated"), ["input_mutated"]) == (held.ending, held.findings)


def test_a_wrong_answer_does_not_hide_that_an_input_was_changed():
    held = Held(lambda x: x.zero_(), reference=PLAIN)

    assert ("values", ["input_mutated"]) == (held.ending.reason, held.findings)


def test_changing_an_input_is_a_finding_where_the_spec_says_so():
    held = Held(
        lambda x: relu(x) + 0 * x.zero_().sum(), reference=PLAIN, policy={"input_mutated": Ruling.FINDING}
    )

    assert isinstance(held.ending, Passed)
    assert ["input_mutated"] == held.findings


def test_a_dropped_sign_is_wrong_where_the_problems_inputs_are_all_positive():
    positive = PLAIN.replace("torch.rand(4, 8) - 0.5", "torch.rand(4, 8)")

    held = Held(lambda x: x + 0, reference=positive)

    assert "wrong_on_other_inputs" == held.ending.reason
    assert 2 == held.report.trials_passed


def test_a_candidate_that_is_slow_is_looked_at_on_as_many_other_inputs():
    passing = itertools.count(step=1e-6)
    slept = []

    def slow(x):
        slept.append(10.0)
        return relu(x)

    held = Held(slow, reference=PLAIN, now=lambda: next(passing) + sum(slept))

    assert set(KINDS) == set(held.report.looked_at)


def test_what_is_wrong_on_other_inputs_is_told_where_the_spec_says_so():
    positive = PLAIN.replace("torch.rand(4, 8) - 0.5", "torch.rand(4, 8)")

    held = Held(lambda x: x + 0, reference=positive, policy={"wrong_on_other_inputs": Ruling.FINDING})

    assert isinstance(held.ending, Passed)
    assert ["vacuous", "wrong_on_other_inputs"] == held.findings


@pytest.mark.parametrize(
    ("inputs", "model"),
    [
        ("[torch.rand(8, 8), (torch.rand(8, 8) < 0.7).float()]", lambda x, y: torch.where(y != 0, x, 0.0)),
        ("[torch.rand(8, 8), torch.rand(8, 8).tril()]", lambda x, y: x * y.tril()),
        ("[torch.rand(8, 8), (lambda y: y + y.T)(torch.rand(8, 8))]", lambda x, y: x * y.T),
        ("[torch.rand(8, 8), torch.rand(8, 8).softmax(-1)]", lambda x, y: x * y / y.sum(-1, keepdim=True)),
    ],
)
def test_a_candidate_may_rely_on_what_a_problems_inputs_have_in_common(inputs, model):
    reference = PLAIN.replace("[torch.rand(4, 8) - 0.5]", inputs).replace(
        "forward(self, x)", "forward(self, x, y)"
    )

    held = Held(model, reference=reference.replace("torch.relu(x)", "x * y"))

    assert isinstance(held.ending, Passed), held.ending


def test_half_precision_within_the_tolerance_is_incorrect_by_default():
    small = PLAIN.replace("torch.rand(4, 8) - 0.5", "(torch.rand(4, 8) - 0.5) / 100")

    held = Held(lambda x: relu(x).half().float(), reference=small)

    assert Differs("low_precision") == held.ending


SOFTMAX = REFERENCE.replace("torch.relu(self.linear(x))", "torch.softmax(x, dim=-1)")


def test_a_candidate_that_is_exact_until_it_is_timed_is_imprecise(monkeypatch):
    monkeypatch.setattr("caesar.evaluators.contest.secrets.randbelow", lambda _: 0)  # the first is looked at
    calls = itertools.count()
    exact = 2 + 6  # trials, and kinds of inputs

    held = Held(lambda x: torch.softmax(x, -1) * (1.0 if next(calls) < exact else 1 + 9e-5), reference=SOFTMAX)

    assert "low_precision" == held.ending.reason
    assert "on a timed call's inputs" in held.report.findings[0].detail


def test_an_equal_candidate_is_exact_in_every_timed_call_that_is_looked_at(monkeypatch):
    looked = []
    monkeypatch.setattr(
        "caesar.evaluators.contest.exact_of",
        lambda *told, **more: looked.append(told) or exact_of(*told, **more),
    )

    held = Held()

    assert isinstance(held.ending, Passed)
    assert len(looked) >= len(KINDS)


def test_an_output_that_hardly_depends_on_the_inputs_is_vacuous():
    held = Held(reference=PLAIN.replace("torch.relu(x)", "torch.softmax(x[:, :1], dim=-1)"))

    (found,) = (finding for finding in held.report.findings if finding.kind == "vacuous")
    assert "the output for other inputs would pass this problem as well" == found.detail


def test_a_reference_that_holds_a_plain_tensor_is_looked_at():
    source = PLAIN.replace("torch.relu(x)", "torch.relu(x @ self.plain)").replace(
        "super().__init__()", "super().__init__()\n        self.plain = torch.eye(8)"
    )

    held = Held(reference=source)

    assert "signed" in held.report.looked_at


def test_where_float64_gives_other_values_nothing_is_looked_at_and_that_is_told():
    held = Held(reference=PLAIN.replace("torch.relu(x)", "torch.relu(x) * torch.rand_like(x)"))

    assert {} == held.report.looked_at
    assert ["unscrutinised"] == held.findings


def test_a_reference_with_infinite_values_is_told_and_met():
    held = Held(reference=REFERENCE.replace("torch.relu(", "(1 / torch.zeros(1)) + torch.relu("))

    assert isinstance(held.ending, Passed)
    assert ["reference_nonfinite", "vacuous", "unscrutinised"] == held.findings
    assert {} == held.report.looked_at


def test_a_candidate_that_stops_working_when_timed_is_incorrect():
    calls = itertools.count()
    honest = 2 + 6  # trials, and kinds of inputs

    held = Held(lambda x: relu(x) if next(calls) < honest else x * 0, reference=PLAIN)

    assert "timed_output" == held.ending.reason
    assert "values" == held.ending.mismatch.kind
    assert Stage.TIMING in held.report.reached_s


def test_a_candidate_that_works_on_its_inputs_only_when_it_is_shown_finds_them_gone():
    class Late(Sparring):
        def call(self, *show):
            called = super().call(*show)
            (x,) = rebuilt(self.stand.slot.inputs, self.stand.buffer)
            self.later = lambda: torch.relu(x)
            return called

        def show(self):
            if self.stand is not None:
                self.result = self.later()
            return super().show()

    held = Held(relu, reference=PLAIN, sparring=Late)

    assert "values" == held.ending.reason


def test_a_result_of_the_call_before_is_none_of_this_call():
    kept = []

    held = Held(lambda x: kept[-1] if kept else kept.append(relu(x)) or kept[-1], reference=PLAIN)

    assert "values" == held.ending.reason


class Ending(Sparring):
    """Ends in the middle: at its so many-th call, or when asked for something."""

    at = "load"
    error = Lost

    def _ask(self, what):
        if what == self.at:
            raise self.error

    def load(self):
        self._ask("load")
        return super().load()

    def call(self, *show):
        self._ask("call")
        return super().call(*show)

    def trace(self, *, slot, seed):
        self._ask("trace")
        return super().trace(slot=slot, seed=seed)


def ending_at(place, error):
    return type("EndingThere", (Ending,), {"at": place, "error": error})


@pytest.mark.parametrize("at", ["load", "call"])
@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (Lost(), Gone()),
        (Violation("junk\ud800"), Violated("junk?")),
        (CandidateRaised(RAISED), Raised("KeyError", "Traceback?", out_of_memory=True, hardware=False)),
    ],
)
def test_whatever_ends_a_contest_is_its_ending(at, error, ending):
    held = Held(sparring=ending_at(at, error))

    assert ending == held.ending


@pytest.mark.parametrize("error", [Lost(), Violation("junk"), CandidateRaised(RAISED)])
def test_what_was_measured_stands_whatever_becomes_of_the_candidate_then(error):
    held = Held(sparring=ending_at("trace", error))

    assert isinstance(held.ending, Passed)
    assert ["untraced"] == held.findings


def test_a_candidate_that_raises_when_traced_is_still_tried_on_another_shape():
    def only_four(x):
        return relu(x) if x.shape[0] == 4 else relu(x) + 1

    held = Held(only_four, reference=PLAIN, sparring=ending_at("trace", CandidateRaised(RAISED)))

    assert ["untraced", "shape_specialised"] == held.findings
    assert "KeyError" in held.report.findings[0].detail


@pytest.mark.parametrize("evidence", [b"", b"{}", b"\xff" * 99])
def test_evidence_that_can_not_be_read_takes_nothing_back(evidence):
    held = Held(evidence=evidence)

    assert isinstance(held.ending, Passed)
    assert ["untraced"] == held.findings


def test_evidence_becomes_findings():
    told = EVIDENCE.replace(b'"operators":{}', b'"operators":{"aten::addmm":1}')

    assert ["torch_fallback"] == Held(evidence=told).findings


def test_evidence_decides_where_the_spec_says_so():
    told = EVIDENCE.replace(b'"operators":{}', b'"operators":{"aten::addmm":1}')

    held = Held(evidence=told, policy={"torch_fallback": Ruling.INCORRECT})

    assert Differs("torch_fallback") == held.ending


def test_a_candidate_for_one_size_only_is_told():
    def only_four(x):
        return relu(x) if x.shape[0] == 4 else relu(x) + 1

    held = Held(only_four, reference=PLAIN)

    assert isinstance(held.ending, Passed)
    assert ["shape_specialised"] == held.findings


def test_claims_that_are_not_the_truth_are_told_and_the_judges_clock_counts():
    class Lying(Sparring):
        def call(self, *show):
            called = super().call(*show)
            return type(called)(0.001, 0.001, 5.05)

    held = Held(sparring=Lying)

    assert ["timing_inconsistent"] == held.findings
    assert "judge" == held.ending.measured.clock
    assert (5.0,) * 3 == held.ending.measured.candidate_ms


def test_work_put_off_until_somebody_looks_is_charged():
    class Lazy(Sparring):
        def show(self):
            shown, ms = super().show()
            return shown, ms if self.asked.count("load") == 0 else ms + 20.0

    held = Held(sparring=Lazy)

    assert ["timing_inconsistent"] == held.findings
    assert min(held.ending.measured.candidate_ms) > 20.0


@pytest.mark.parametrize("at", range(3))
def test_the_output_of_every_timed_call_is_compared(monkeypatch, at):
    monkeypatch.setattr("caesar.evaluators.timing._warm_up", lambda _: 3)
    calls = itertools.count(-len(KINDS) - QUICK.correctness_trials)

    held = Held(lambda x: x - 1 if next(calls) == at else relu(x), reference=PLAIN)

    assert "timed_output" == held.ending.reason


def test_timed_calls_of_which_all_agree_count_by_the_candidates_clock():
    measured = Held().ending.measured

    assert ("candidate", (1.0,) * 3) == (measured.clock, measured.candidate_ms)


def test_outputs_are_compared_as_they_were_when_they_were_shown():
    bench = bench_of(PLAIN, writable=True)
    opponent = Sparring(bench, relu)
    contest = Contest(bench, opponent, sliced=None, work=None, policy=Policy(), progress=lambda _: None)
    opponent.prepare(slot=0, seed=1)
    bench.stands[0].release(1)
    opponent.call()

    taken = contest.take(bench.stands[0])
    (before,) = (output.clone() for output in taken.outputs)
    bench.poison(0)

    assert torch.equal(before, taken.outputs[0])
    assert opponent.show_ms == taken.shown_ms
    assert taken.withdrawn_ms > 0


def test_a_mismatch_never_tells_a_seed(monkeypatch):
    monkeypatch.setattr("caesar.evaluators.contest.secret_seed", lambda: 918273645)

    held = Held(lambda x: x - 1, reference=PLAIN)

    assert isinstance(held.ending.mismatch, Mismatch)
    assert "918273645" not in repr(held.report)


def test_the_references_parameters_are_restored_for_each_candidate():
    bench = bench_of()
    with torch.no_grad():
        before = bench.model.linear.weight.clone()
        bench.model.linear.weight.zero_()
        contest = Contest(
            bench,
            Sparring(bench, bench.model),
            sliced=None,
            work=None,
            policy=Policy(),
            progress=lambda _: None,
        )
        contest.report()

    assert torch.equal(before, bench.model.linear.weight)


def slowed_reference(slow):
    """A reference that takes 20 ms more from its n-th call on that is timed, as if it was disturbed."""
    calls = itertools.count()
    return lambda _, call, **_more: TimedCall(20.06 if next(calls) >= slow else 0.06, 0.06, call())


@pytest.mark.parametrize(("slow", "found"), [(6, ["reference_disturbed"]), (0, []), (1000, [])])
def test_a_reference_that_slows_down_beside_the_candidate_is_told(monkeypatch, slow, found):
    monkeypatch.setattr(Cpu, "timed", slowed_reference(slow))

    held = Held()

    assert found == held.findings
    assert isinstance(held.ending, Passed)


def test_a_time_in_which_the_device_can_not_have_done_the_work_is_told(monkeypatch):
    monkeypatch.setattr(
        "caesar.evaluators.contest.finding_of",
        lambda ms, _work, _peak, *, precision: Finding("faster_than_roofline", f"{ms} {precision}"),
    )

    held = Held(work="some")

    assert ["faster_than_roofline"] == held.findings
    assert isinstance(held.ending, Passed)


def test_a_call_too_short_to_have_written_its_outputs_is_charged_what_showing_them_takes(monkeypatch):
    monkeypatch.setattr(Contest, "_copying_ms", lambda _: 100.0)

    measured = Held(call_ms=5.0, show_ms=40.0).ending.measured

    assert ("judge", {45.0}) == (measured.clock, {round(ms) for ms in measured.candidate_ms})
