import json
from dataclasses import replace

import msgspec
import pytest
from evaluation_cases import QUICK, evaluation_of

from caesar.domain import Finding, Mismatch, Trust, Verdict, digest_of
from caesar.effects import Ruling, Tf32
from caesar.errors import Fault
from caesar.evaluators.baselines import Measurement
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
from caesar.evaluators.verdicts import (
    VERSION,
    Course,
    Place,
    evaluated_of,
    unusable,
    with_baselines,
    wrote_to_inputs,
)
from caesar.sandbox.box import Tier
from caesar.sandbox.job import Ended, How

DESCRIBED = Described("a processor", "2.13", None, "550.1", 7.0)
CANDIDATE = {Stage.SETUP: 0.0, Stage.CANDIDATE: 1.0}
TRIAL = {**CANDIDATE, Stage.TRIAL: 2.0}
TIMING = {**TRIAL, Stage.SCRUTINY: 3.0, Stage.TIMING: 4.0}
ALL = {**TIMING, Stage.EVIDENCE: 5.5}
TIMES = Measured((1.0, 3.0, 2.0), (4.0, 4.0, 4.0), 0.5, 0.25, "candidate", 0.1)
LONG = Measured((1.0,) * 20, (2.0,) * 20, 0.5, 0.25, "judge", 0.1)
VALUES = Mismatch("values", "1", "2", index=(0,), pattern="dim 0: 1 of 4 (0)")
PLACE = Place("cpu:0", None, Tier.NONE)
KILLED = Ended(How.TIMED_OUT, 0, (), "", 6.0)


def report_of(ending, reached=ALL, **fields):
    whole = {
        "parameters": "copied",
        "trials_passed": 2,
        "trials": 2,
        "findings": (),
        "looked_at": {"own": 1.0},
        "conditions": {"power_w": 70.0},
        "seconds": 6.0,
    }
    return Report(ending, reached, **{**whole, **fields})


def course_of(ending, reached=ALL, *, ended=KILLED, timed_out=False, retried=False, **fields):
    report = report_of(ending, reached, **fields)
    return Course(DESCRIBED, report, ended, timed_out, retried, judge_s=3.0, process_s=0.25)


def judged(ending, reached=ALL, *, place=PLACE, settings=QUICK, **course):
    return evaluated_of(evaluation_of(settings=settings), course_of(ending, reached, **course), place)


def ended(how, code=0, output=""):
    return Ended(how, code, (), output, 6.0)


def test_a_candidate_that_passed_every_trial_and_was_timed_passed():
    evaluation = judged(Passed(TIMES)).evaluation

    assert (Verdict.PASSED, None, VERSION) == (evaluation.verdict, evaluation.reason, evaluation.evaluator)
    assert (2, 2, "copied", {"own": 1.0}) == (
        evaluation.trials_passed,
        evaluation.trials,
        evaluation.parameters,
        evaluation.looked_at,
    )
    assert (2.0, 2.0, 1.0, 3.0, 3) == (
        evaluation.timing.median_ms,
        evaluation.timing.mean_ms,
        evaluation.timing.min_ms,
        evaluation.timing.max_ms,
        evaluation.timing.trials,
    )
    assert 2.0 == evaluation.speedup


def test_a_timing_says_whose_clock_it_is_how_it_spreads_and_what_launching_takes():
    evaluation = judged(Passed(LONG)).evaluation

    assert ("judge", 0.5) == (evaluation.timing.clock, evaluation.timing.launch_ms)
    assert {"p05", "p25", "p75", "p95"} == set(evaluation.timing.quantiles_ms)
    assert ("eager", "judge", 0.25) == (
        evaluation.baselines[0].name,
        evaluation.baselines[0].timing.clock,
        evaluation.baselines[0].timing.launch_ms,
    )


def test_a_speedup_has_an_interval_where_there_are_calls_enough():
    low, high = judged(Passed(LONG)).evaluation.speedup_interval

    assert low <= 2.0 <= high
    assert judged(Passed(TIMES)).evaluation.speedup_interval is None


def test_every_timed_call_is_among_the_texts():
    evaluated = judged(Passed(TIMES))

    assert [1.0, 3.0, 2.0] == json.loads(evaluated.texts[evaluated.evaluation.timing.samples])
    assert [4.0] * 3 == json.loads(evaluated.texts[evaluated.evaluation.baselines[0].timing.samples])


@pytest.mark.parametrize("tier", list(Tier))
def test_the_environment_says_where_and_how_well_guarded_an_evaluation_ran(tier):
    place = Place("cpu:0", None, tier, alone=True)
    environment = judged(Passed(TIMES), place=place).evaluation.environment

    assert ("cpu:0", "a processor", "2.13", None, "fp32") == (
        environment.device,
        environment.device_name,
        environment.torch,
        environment.cuda,
        environment.precision,
    )
    assert environment.alone
    assert ("550.1", False, {"power_w": 70.0}) == (environment.driver, environment.tf32, environment.conditions)
    assert (tier.value, tier.trust) == (environment.isolation, environment.trust)


@pytest.mark.parametrize(("driver", "allowed"), [("550.1", True), (None, False)])
def test_tf32_is_said_to_be_on_only_where_there_is_tf32(driver, allowed):
    settings = replace(QUICK, tf32=Tf32.ON)
    course = replace(course_of(Passed(TIMES)), described=msgspec.structs.replace(DESCRIBED, driver=driver))

    environment = evaluated_of(evaluation_of(settings=settings), course, PLACE).evaluation.environment

    assert allowed == environment.tf32


def test_no_tier_is_trusted_more_than_a_stricter_one():
    assert {Tier.NONE: Trust.NONE, Tier.PROCESS: Trust.LOW, Tier.NAMESPACE: Trust.HIGH} == {
        tier: tier.trust for tier in Tier
    }


def test_the_name_of_the_device_is_the_inventory_s_where_it_has_one():
    assert (
        "a card"
        == judged(Passed(TIMES), place=replace(PLACE, device_name="a card")).evaluation.environment.device_name
    )


def test_the_time_is_split_by_stage_even_where_an_evaluation_ends_early():
    whole = judged(Passed(TIMES)).evaluation.environment.seconds
    early = judged(Gone(), CANDIDATE, ended=ended(How.SIGNALLED, 11)).evaluation.environment.seconds

    assert {
        "judge": 3,
        "process": 0.25,
        "setup": 1,
        "candidate": 1,
        "trial": 1,
        "scrutiny": 1,
        "timing": 1.5,
        "evidence": 0.5,
    } == whole
    assert {"judge": 3.0, "process": 0.25, "setup": 1.0, "candidate": 5.0} == early


@pytest.mark.parametrize(
    ("ending", "reached", "course", "verdict", "reason"),
    [
        (Gone(), TRIAL, {"timed_out": True}, Verdict.TIMED_OUT, "time_limit"),
        (Gone(), CANDIDATE, {"ended": ended(How.OUTPUT_LIMIT)}, Verdict.CRASHED, "output_limit"),
        (Gone(), CANDIDATE, {"ended": ended(How.REPLY_LIMIT)}, Verdict.CRASHED, "protocol"),
        (Gone(), CANDIDATE, {"ended": ended(How.MEMORY_LIMIT)}, Verdict.CRASHED, "memory_limit"),
        (Gone(), CANDIDATE, {"ended": ended(How.PROCESS_LIMIT)}, Verdict.CRASHED, "process_limit"),
        (Gone(), TRIAL, {}, Verdict.CRASHED, "protocol"),
        (Gone(), CANDIDATE, {"ended": ended(How.SIGNALLED, 11)}, Verdict.CRASHED, "signal:11"),
        (Gone(), CANDIDATE, {"ended": ended(How.EXITED, 0)}, Verdict.CRASHED, "exit:0"),
        (Gone(), TIMING, {"ended": ended(How.EXITED, 3)}, Verdict.CRASHED, "exit:3"),
        (Violated("junk"), TRIAL, {}, Verdict.CRASHED, "protocol"),
        (Raised("KeyError", "x", False, False), CANDIDATE, {}, Verdict.CRASHED, "exception:KeyError"),
        (Raised("A\n\x1b[2J`B", "x", False, False), CANDIDATE, {}, Verdict.CRASHED, "exception:A___2J_B"),
        (Raised("E", "x", True, False), TRIAL, {}, Verdict.CRASHED, "out_of_memory"),
        (Differs("values", VALUES), TRIAL, {}, Verdict.INCORRECT, "values"),
        (Differs("shape", Mismatch("shape", "(1,)", "(2,)")), TRIAL, {}, Verdict.INCORRECT, "shape"),
        (Differs("timed_output", VALUES), TIMING, {}, Verdict.INCORRECT, "timed_output"),
        (Differs("low_precision"), TIMING, {}, Verdict.INCORRECT, "low_precision"),
        (Differs("values", VALUES), TRIAL, {"ended": ended(How.SIGNALLED, 9)}, Verdict.INCORRECT, "values"),
        (Passed(TIMES), ALL, {"ended": ended(How.SIGNALLED, 6)}, Verdict.PASSED, None),
        (Passed(TIMES), ALL, {"retried": True}, Verdict.INCORRECT, "input_mutated"),
    ],
)
def test_what_happens_once_the_candidate_is_there_is_its_doing(ending, reached, course, verdict, reason):
    evaluation = judged(ending, reached, **course).evaluation

    assert (verdict, reason) == (evaluation.verdict, evaluation.reason)


def test_writing_to_inputs_is_only_told_where_the_spec_says_so():
    settings = replace(QUICK, policy={"input_mutated": Ruling.FINDING})

    evaluation = judged(Passed(TIMES), retried=True, settings=settings).evaluation

    assert Verdict.PASSED is evaluation.verdict
    assert ["input_mutated"] == [finding.kind for finding in evaluation.findings]


def test_a_finding_of_the_judges_is_not_told_twice():
    seen = (Finding("input_mutated", "seen"),)

    assert seen == judged(Passed(TIMES), retried=True, findings=seen).evaluation.findings


def test_a_candidate_that_died_again_did_not_write_to_its_inputs_for_all_we_know():
    again = judged(Gone(), TRIAL, ended=ended(How.SIGNALLED, 11), retried=True, trials_passed=0)

    assert () == again.evaluation.findings


@pytest.mark.parametrize(
    ("ending", "reached", "course", "wrote"),
    [
        (Gone(), TRIAL, {"ended": ended(How.SIGNALLED, 11)}, True),
        (Gone(), TRIAL, {"ended": ended(How.SIGNALLED, 7)}, True),
        (Gone(), TRIAL, {"ended": ended(How.SIGNALLED, 9)}, False),
        (Gone(), TRIAL, {"ended": ended(How.EXITED, 11)}, False),
        (Gone(), CANDIDATE, {"ended": ended(How.SIGNALLED, 11)}, False),
        (Gone(), TIMING, {"ended": ended(How.SIGNALLED, 11)}, False),
        (Gone(), TRIAL, {"ended": ended(How.SIGNALLED, 11), "timed_out": True}, False),
        (Raised("AcceleratorError", "x", False, False), TRIAL, {"trials_passed": 0}, True),
        (Raised("RuntimeError", "CUDA error: unspecified", False, False), TRIAL, {"trials_passed": 0}, True),
        (Raised("RuntimeError", "CUDA error: unspecified", False, False), TRIAL, {"trials_passed": 1}, False),
        (Raised("KeyError", "x", False, False), TRIAL, {"trials_passed": 0}, False),
        (Differs("values", VALUES), TRIAL, {}, False),
        (Passed(TIMES), ALL, {}, False),
    ],
)
def test_who_dies_in_a_trial_as_one_does_that_writes_to_its_inputs_is_looked_at_again(
    ending, reached, course, wrote
):
    assert wrote == wrote_to_inputs(course_of(ending, reached, **course))


def test_a_traceback_is_kept_as_the_detail():
    evaluated = judged(Raised("KeyError", "Traceback ...", False, False), TRIAL)

    assert "Traceback ..." == evaluated.texts[evaluated.evaluation.detail]


def test_the_end_of_the_output_is_kept_where_a_process_left_no_other_word():
    evaluated = judged(Gone(), TRIAL, ended=ended(How.SIGNALLED, 11, "a" * 5000 + "the end\ud800"))

    text = evaluated.texts[evaluated.evaluation.detail]

    assert text.endswith("the end?")
    assert 4000 == len(text)
    assert digest_of(text) == evaluated.evaluation.detail


def test_silence_leaves_no_detail():
    assert judged(Gone(), TRIAL, ended=ended(How.EXITED, 1)).evaluation.detail is None


def test_a_mismatch_says_how_the_trial_before_went():
    evaluation = judged(Differs("values", VALUES), TRIAL, trials_passed=1).evaluation

    assert VALUES == evaluation.mismatch
    assert (1, 2) == (evaluation.trials_passed, evaluation.trials)


def test_the_texts_of_a_mismatch_are_bounded():
    long = Mismatch("values", "1" * 9999, "2" * 9999, max_abs_error="3" * 9999, pattern="4" * 9999)

    mismatch = judged(Differs("values", long), TRIAL).evaluation.mismatch

    assert [500] * 4 == [
        len(text) for text in (mismatch.expected, mismatch.got, mismatch.max_abs_error, mismatch.pattern)
    ]


def test_findings_and_parameters_survive_a_crash():
    finding = Finding("reference_nonfinite", "...")

    evaluation = judged(Gone(), TRIAL, ended=ended(How.SIGNALLED, 9), findings=(finding,)).evaluation

    assert ((finding,), "copied") == (evaluation.findings, evaluation.parameters)


@pytest.mark.parametrize(
    ("cause", "kind", "permanent", "words"),
    [
        (Cause.PACKAGE, "reference", True, "tests/1 needs the package nope, which is not installed"),
        (Cause.HUB, "reference", True, "needs a model hub's files"),
        (Cause.SLOW, "reference", True, "raise limits.evaluate"),
        (Cause.RAISED, "reference", True, "fails: nope"),
        (Cause.MEMORY, "reference", False, "does not fit into memory on cpu:0"),
        (Cause.DEVICE, "device", False, "device cpu:0 can't be used: nope"),
    ],
)
def test_what_keeps_the_reference_from_running_is_a_fault(cause, kind, permanent, words):
    fault = unusable(evaluation_of().problem, Unusable(cause, "nope"), device="cpu:0")

    assert words in str(fault)
    assert (kind, permanent) == (fault.kind, fault.permanent)


@pytest.mark.parametrize("reached", [{}, {Stage.SETUP: 0.0}])
def test_an_end_before_the_candidate_was_loaded_is_the_evaluators_fault(reached):
    with pytest.raises(Fault, match="ended before it began: ImportError") as fault:
        judged(Gone(), reached, ended=ended(How.EXITED, 1, "ImportError"))

    assert ("evaluator", False) == (fault.value.kind, fault.value.permanent)


def test_a_process_that_can_not_be_killed_is_the_devices_fault():
    with pytest.raises(Fault, match="outlived being killed") as fault:
        judged(Passed(TIMES), ended=replace(KILLED, survivors=1))

    assert "survivors" == fault.value.kind


def test_broken_hardware_is_never_the_candidates_fault():
    with pytest.raises(Fault, match="broken hardware") as fault:
        judged(Raised("AcceleratorError", "ECC", False, True), TRIAL)

    assert "hardware" == fault.value.kind


def test_further_baselines_stand_beside_the_evaluations_own():
    evaluated = judged(Passed(TIMES))
    eager = Measurement("eager", (9.0,))
    cached, measured = Measurement("compile:default", (2.0, 4.0)), Measurement("eager+tf32", (1.0,))

    more = with_baselines(evaluated, known=(eager, cached), measured=(measured,), seconds=7.0)

    told = [(one.name, one.timing.median_ms, one.cached) for one in more.evaluation.baselines]
    assert [("eager", 4.0, False), ("compile:default", 3.0, True), ("eager+tf32", 1.0, False)] == told
    assert all(one.timing.samples in more.texts for one in more.evaluation.baselines)
    assert evaluated.evaluation.speedup == more.evaluation.speedup
    spent = evaluated.evaluation.environment.seconds
    assert {**spent, "baselines": 7.0} == more.evaluation.environment.seconds
