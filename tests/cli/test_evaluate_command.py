"""`caesar evaluate`: by which rules a candidate is judged, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from caesar.cli.evaluate import rules_of
from caesar.cli.judged import say, say_as_json
from caesar.domain import (
    Baseline,
    BuildOutcome,
    Candidate,
    Environment,
    Evaluation,
    KernelBenchResult,
    Mismatch,
    Problem,
    Trust,
    Verdict,
    digest_of,
)
from caesar.effects import Built, Evaluated, EvaluationSettings, Isolation, Limits, Precision, Ruling, Tf32
from caesar.evaluators.statistics import samples_of, timing_of
from caesar.fsm.defects import SpecError

OURS_MS, EAGER_MS = (1.0, 2.0, 3.0), (4.0, 4.0)
BUILT = Built(BuildOutcome.BUILT, "artifact", "", 1.0)
ENVIRONMENT = Environment("GPU-1", "a GPU", "2.13", "13.0", "fp32", "namespace", Trust.HIGH)
PASSED = Evaluation(
    Verdict.PASSED,
    ENVIRONMENT,
    "4",
    trials_passed=5,
    trials=5,
    timing=timing_of(OURS_MS),
    baselines=(Baseline("eager", timing_of(EAGER_MS)),),
    parameters="copied",
    looked_at={"normal": 1.5},
)
WRONG = Evaluation(
    Verdict.INCORRECT,
    ENVIRONMENT,
    "4",
    reason="values",
    mismatch=Mismatch(
        "values",
        "1",
        "nan",
        index=(0, 3),
        wrong_share=0.25,
        max_abs_error="2",
        nonfinite=7,
        output=1,
        pattern="dim 0: all of 4",
    ),
    trials=1,
)
THEIRS = KernelBenchResult("kernelbench-1", compiled=True, correct=True, runtime_ms=2.5, reference_ms=3.2)


def told(evaluation, capsys):
    say(BUILT, Evaluated(evaluation))
    return capsys.readouterr().out.splitlines()


def document(evaluation, capsys):
    texts = {digest_of(text): text for text in map(samples_of, (OURS_MS, EAGER_MS))}
    say_as_json(Candidate("..."), Problem("s", "1", "n", ""), BUILT, evaluated=Evaluated(evaluation, texts))
    return json.loads(capsys.readouterr().out)


def test_without_settings_a_candidate_is_judged_by_a_specs_defaults():
    assert (EvaluationSettings(), Limits()) == rules_of({}, ())


def test_settings_are_a_specs_own_and_go_before_flags():
    settings, limits = rules_of(
        {"evaluation.precision": "fp16", "evaluation.judge": "both"},
        (
            "evaluation.precision=bf16",
            "evaluation.tf32=both",
            "evaluation.isolation=namespace",
            "evaluation.policy.flaky=incorrect",
            "limits.evaluate=1.5m",
        ),
    )

    assert (Precision.BF16, "both") == (settings.precision, settings.judge)
    assert (Tf32.BOTH, Isolation.NAMESPACE, {"flaky": Ruling.INCORRECT}) == (
        settings.tf32,
        settings.isolation,
        settings.policy,
    )
    assert 90.0 == limits.evaluate_s


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("evaluation.trials=3", "--set evaluation.trials: evaluation has no key trials; did you mean"),
        ("limits.evaluate=soon", "--set limits.evaluate: limits.evaluate must be a duration"),
        ("limits.evaluate", "--set limits.evaluate: an override has no value"),
        ("samples=3", "--set samples: one candidate is judged by evaluation and limits alone"),
        ("limit.evaluate=3", "--set limit.evaluate: .*set a key of evaluation or limits"),
    ],
)
def test_a_setting_that_no_evaluation_has_is_refused_as_in_a_spec(written, words):
    with pytest.raises(SpecError, match=words):
        rules_of({}, (written,))


def test_a_mismatch_is_told_with_its_pattern_and_what_is_not_finite(capsys):
    assert (
        "mismatch: values in output 1: expected 1, got nan at [0, 3]; 25% of elements differ (dim 0: all of 4);"
        " largest absolute error 2; elements that are NaN or infinite: 7"
    ) == told(WRONG, capsys)[1]


def test_a_mismatch_of_forms_is_told_without_numbers(capsys):
    shapes = replace(WRONG, reason="shape", mismatch=Mismatch("shape", "(2,)", "(3,)"))

    assert "mismatch: shape: expected (2,), got (3,)" == told(shapes, capsys)[1]


def test_both_judgements_are_compared_mean_with_mean(capsys):
    both = told(replace(PASSED, kernelbench=THEIRS), capsys)

    assert (
        "kernelbench and ours: the verdicts agree; candidate 2.5 and 2 ms (means, -0.5 ms, -20.0%);"
        " reference 3.2 and 4 ms (means, +0.8 ms, +25.0%)"
    ) == both[-1]


def test_verdicts_that_differ_are_said_to_and_no_time_is_compared_that_is_not_there(capsys):
    assert "kernelbench and ours: the verdicts differ" == told(replace(WRONG, kernelbench=THEIRS), capsys)[-1]


def test_kernelbench_is_not_compared_with_itself(capsys):
    alone = replace(PASSED, evaluator=THEIRS.version, kernelbench=THEIRS)

    assert not any(line.startswith("kernelbench and ours") for line in told(alone, capsys))
    assert document(alone, capsys)["comparison"] is None


def test_the_document_has_all_that_the_evaluation_has_and_the_samples_themselves(capsys):
    found = document(replace(PASSED, kernelbench=THEIRS), capsys)

    assert ("4", 5, 5, "copied", {"normal": 1.5}) == tuple(
        found[key] for key in ("evaluator", "trials", "trials_passed", "parameters", "looked_at")
    )
    assert ([*OURS_MS], [*EAGER_MS]) == (
        found["timing"]["samples"],
        found["baselines"][0]["timing"]["samples"],
    )
    assert {"ours_ms": 2.0, "kernelbench_ms": 2.5, "difference_ms": -0.5, "percent": -20.0} == found[
        "comparison"
    ]["candidate"]


def test_the_document_of_a_failed_build_has_no_evaluation(capsys):
    failed = Built(BuildOutcome.FAILED, None, "a.cpp:1: error", 1.0, reason="compiler_error")
    say_as_json(Candidate("..."), Problem("s", "1", "n", ""), failed, evaluated=None)

    found = json.loads(capsys.readouterr().out)

    assert ("build_failed", "compiler_error", "a.cpp:1: error", None) == tuple(
        found[key] for key in ("verdict", "reason", "detail", "timing")
    )
