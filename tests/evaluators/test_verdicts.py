import json

import pytest
from evaluation_cases import GRANT, evaluation_of

from caesar.domain import Finding, Mismatch, Trust, Verdict, digest_of
from caesar.errors import Fault
from caesar.evaluators.protocol import (
    Cause,
    Described,
    Differs,
    Noticed,
    Prepared,
    Raised,
    Reached,
    Stage,
    Timed,
    Tried,
    Unusable,
    encode,
)
from caesar.evaluators.verdicts import VERSION, evaluated_of
from caesar.sandbox.job import Ended, How

OPENED = (Reached(Stage.DEVICE, 0.0), Described("a processor", "2.13", None))
REFERENCE = (*OPENED, Reached(Stage.REFERENCE, 0.5))
CANDIDATE = (*REFERENCE, Reached(Stage.CANDIDATE, 1.0))
TRIAL = (*CANDIDATE, Prepared("copied"), Reached(Stage.TRIAL, 2.0))
TIMING = (*TRIAL, Tried(), Tried(), Reached(Stage.TIMING, 4.0))
PASSED = (*TIMING, Timed((1.0, 3.0, 2.0), (4.0, 4.0, 4.0)))
VALUES = Mismatch("values", "1", "2", index=(0,))


def judged(frames, *, how=How.EXITED, code=0, output="", survivors=0, device_name=None, replies=None):
    ended = Ended(how, code, replies or tuple(encode(frame) for frame in frames), output, 6.0, survivors)
    return evaluated_of(evaluation_of(), GRANT, ended, device_name=device_name)


def test_a_candidate_that_passed_every_trial_and_was_timed_passed():
    evaluated = judged(PASSED)

    evaluation = evaluated.evaluation
    assert Verdict.PASSED is evaluation.verdict
    assert (2, 2) == (evaluation.trials_passed, evaluation.trials)
    assert (2.0, 2.0, 1.0, 3.0, 3) == (
        evaluation.timing.median_ms,
        evaluation.timing.mean_ms,
        evaluation.timing.min_ms,
        evaluation.timing.max_ms,
        evaluation.timing.trials,
    )
    assert 2.0 == evaluation.speedup
    assert "eager" == evaluation.baselines[0].name
    assert VERSION == evaluation.evaluator


def test_every_timed_call_is_among_the_texts():
    evaluated = judged(PASSED)

    samples = evaluated.texts[evaluated.evaluation.timing.samples]

    assert [1.0, 3.0, 2.0] == json.loads(samples)


def test_the_environment_says_where_and_how_well_guarded_an_evaluation_ran():
    environment = judged(PASSED).evaluation.environment

    assert ("cpu:0", "a processor", "2.13", None, "fp32") == (
        environment.device,
        environment.device_name,
        environment.torch,
        environment.cuda,
        environment.precision,
    )
    assert ("none", Trust.NONE) == (environment.isolation, environment.trust)
    assert {"setup": 2.0, "check": 2.0, "timing": 2.0} == environment.seconds


def test_the_name_of_the_device_is_the_inventory_s_where_it_has_one():
    assert "a card" == judged(PASSED, device_name="a card").evaluation.environment.device_name


def test_time_is_split_even_where_an_evaluation_ends_early():
    environment = judged(CANDIDATE, how=How.SIGNALLED, code=11).evaluation.environment

    assert {"setup": 6.0, "check": 0.0, "timing": 0.0} == environment.seconds


@pytest.mark.parametrize(
    ("frames", "ending", "verdict", "reason"),
    [
        (TRIAL, {"how": How.TIMED_OUT}, Verdict.TIMED_OUT, "time_limit"),
        (CANDIDATE, {"how": How.OUTPUT_LIMIT}, Verdict.CRASHED, "output_limit"),
        (CANDIDATE, {"how": How.REPLY_LIMIT}, Verdict.CRASHED, "protocol"),
        (CANDIDATE, {"how": How.MEMORY_LIMIT}, Verdict.CRASHED, "memory_limit"),
        (CANDIDATE, {"how": How.PROCESS_LIMIT}, Verdict.CRASHED, "process_limit"),
        (CANDIDATE, {"how": How.SIGNALLED, "code": 11}, Verdict.CRASHED, "signal:11"),
        (CANDIDATE, {"code": 0}, Verdict.CRASHED, "exit:0"),
        (CANDIDATE, {"code": 3}, Verdict.CRASHED, "exit:3"),
        ((*CANDIDATE, Raised("KeyError", "x")), {}, Verdict.CRASHED, "exception:KeyError"),
        ((*CANDIDATE, Raised("A\n\x1b[2J`B", "x")), {}, Verdict.CRASHED, "exception:A___2J_B"),
        ((*TRIAL, Raised("E", "x", out_of_memory=True)), {}, Verdict.CRASHED, "out_of_memory"),
        ((*TRIAL, Differs(VALUES)), {}, Verdict.INCORRECT, "values"),
        ((*TRIAL, Differs(Mismatch("shape", "(1,)", "(2,)"))), {}, Verdict.INCORRECT, "shape"),
        ((*TIMING, Differs(VALUES, timed=True)), {}, Verdict.INCORRECT, "timed_output"),
        ((*CANDIDATE, Tried()), {}, Verdict.CRASHED, "protocol"),
        ((*PASSED, Tried()), {}, Verdict.CRASHED, "protocol"),
        (PASSED, {"how": How.SIGNALLED, "code": 6}, Verdict.CRASHED, "signal:6"),
        (PASSED, {"code": 1}, Verdict.CRASHED, "exit:1"),
    ],
)
def test_what_happens_once_the_candidate_is_there_is_its_doing(frames, ending, verdict, reason):
    evaluation = judged(frames, **ending).evaluation

    assert (verdict, reason) == (evaluation.verdict, evaluation.reason)


def test_a_reply_that_is_no_frame_is_a_violation():
    replies = (*(encode(frame) for frame in TRIAL), b'{"verdict":"passed"}')

    evaluation = judged((), replies=replies).evaluation

    assert (Verdict.CRASHED, "protocol") == (evaluation.verdict, evaluation.reason)


def test_a_traceback_is_kept_as_the_detail():
    evaluated = judged((*CANDIDATE, Raised("KeyError", "Traceback ...")))

    assert "Traceback ..." == evaluated.texts[evaluated.evaluation.detail]


def test_the_end_of_the_output_is_kept_where_a_process_left_no_other_word():
    evaluated = judged(CANDIDATE, how=How.SIGNALLED, code=11, output="a" * 5000 + "the end\ud800")

    text = evaluated.texts[evaluated.evaluation.detail]

    assert text.endswith("the end?")
    assert 4000 == len(text)
    assert digest_of(text) == evaluated.evaluation.detail


def test_silence_leaves_no_detail():
    assert judged(CANDIDATE, code=1).evaluation.detail is None


def test_a_mismatch_says_how_the_trial_before_went():
    evaluation = judged((*TRIAL, Tried(), Differs(VALUES))).evaluation

    assert VALUES == evaluation.mismatch
    assert (1, 2) == (evaluation.trials_passed, evaluation.trials)


def test_the_texts_of_a_mismatch_are_bounded():
    long = Mismatch("values", "1" * 9999, "2" * 9999, max_abs_error="3" * 9999)

    mismatch = judged((*TRIAL, Differs(long))).evaluation.mismatch

    assert [500, 500, 500] == [len(mismatch.expected), len(mismatch.got), len(mismatch.max_abs_error)]


def test_findings_and_parameters_survive_a_crash():
    finding = Finding("input_mutated", "input [0]")

    evaluation = judged((*TRIAL, Noticed(finding)), how=How.SIGNALLED, code=9).evaluation

    assert ((finding,), "copied") == (evaluation.findings, evaluation.parameters)


@pytest.mark.parametrize(
    ("cause", "kind", "permanent", "words"),
    [
        (Cause.PACKAGE, "reference", True, "needs the package nope, which is not installed"),
        (Cause.HUB, "reference", True, "needs a model hub's files"),
        (Cause.SLOW, "reference", True, "raise limits.evaluate"),
        (Cause.RAISED, "reference", True, "fails: nope"),
        (Cause.MEMORY, "reference", False, "does not fit into memory on cpu:0"),
        (Cause.DEVICE, "device", False, "device cpu:0 can't be used: nope"),
    ],
)
def test_what_keeps_the_reference_from_running_is_a_fault(cause, kind, permanent, words):
    with pytest.raises(Fault, match=words) as fault:
        judged((*REFERENCE, Unusable(cause, "nope")))

    assert (kind, permanent) == (fault.value.kind, fault.value.permanent)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ({"how": How.TIMED_OUT}, "ran into the time limit after 6 s"),
        ({"how": How.SIGNALLED, "code": 9}, "was ended by signal 9"),
        ({"code": 4}, "exited with status 4"),
        ({"how": How.OUTPUT_LIMIT}, "printed more"),
        ({"how": How.REPLY_LIMIT}, "replied more"),
        ({"how": How.MEMORY_LIMIT}, "ran into its box's memory limit"),
        ({"how": How.PROCESS_LIMIT}, "ran into its box's process limit"),
    ],
)
def test_a_reference_that_ends_the_process_is_a_fault_that_may_pass(ending, words):
    with pytest.raises(Fault, match=words) as fault:
        judged(REFERENCE, **ending)

    assert ("reference", False) == (fault.value.kind, fault.value.permanent)


def test_a_child_that_never_opened_its_device_is_the_evaluators_fault():
    with pytest.raises(Fault, match=r"exited with status 1 before it began: ImportError") as fault:
        judged((), code=1, output="ImportError")

    assert "evaluator" == fault.value.kind


def test_a_process_that_can_not_be_killed_is_the_devices_fault():
    with pytest.raises(Fault, match="outlived being killed") as fault:
        judged(PASSED, survivors=1)

    assert "device" == fault.value.kind


def test_broken_hardware_is_never_the_candidates_fault():
    with pytest.raises(Fault, match="broken hardware") as fault:
        judged((*TRIAL, Raised("AcceleratorError", "ECC", hardware=True)))

    assert "device" == fault.value.kind
