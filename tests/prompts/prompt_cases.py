"""Turns and evaluations that the tests of this room share."""

from caesar.domain import (
    Baseline,
    Environment,
    Evaluation,
    Mismatch,
    Problem,
    Timing,
    Trust,
    Verdict,
)
from caesar.prompts.feedback import render_feedback
from caesar.prompts.history import TurnView
from caesar.prompts.texts import Templates

DEVICE = "NVIDIA H200"

PROBLEM = Problem(
    suite="starter",
    id="1",
    name="Square",
    source="class Model:\n    def forward(self, x):\n        return x * x\n",
)


def timing(median_ms, trials=100):
    return Timing(
        median_ms=median_ms, mean_ms=median_ms, std_ms=0.0, min_ms=median_ms, max_ms=median_ms, trials=trials,
        samples="0" * 64,
    )  # fmt: skip


def evaluation(verdict=Verdict.PASSED, *, device_name=DEVICE, **fields):
    environment = Environment(
        device="GPU-1", device_name=device_name, torch="2.9", cuda="13.0", precision="fp32", isolation="none",
        trust=Trust.NONE,
    )  # fmt: skip
    return Evaluation(verdict=verdict, environment=environment, evaluator="1", **fields)


def turn(outcome, number=1, **fields):
    return TurnView(number=number, outcome=outcome, **fields)


def passed(median_ms=1.2, eager_ms=None, number=1, **fields):
    baselines = () if eager_ms is None else (Baseline("eager", timing(eager_ms, trials=50)),)
    measured = {"timing": timing(median_ms), "baselines": baselines, "trials": 5, "trials_passed": 5}
    return turn(
        "passed",
        number,
        candidate="class ModelNew:\n    pass\n",
        evaluation=evaluation(**{**measured, **fields}),
    )


def judged(outcome, reason, *, number=1, detail=None, **fields):
    return turn(
        outcome, number, candidate="class ModelNew:\n    pass\n", detail=detail,
        evaluation=evaluation(Verdict(outcome), reason=reason, **fields),
    )  # fmt: skip


def story():
    """One turn of each kind, as a trajectory might have gone."""
    return (
        turn("no_code", 1),
        turn(
            "build_failed",
            2,
            candidate="class ModelNew:\n    first = '```'\n",
            build_log="candidate.cpp:3:1: \x1b[31merror:\x1b[0m expected ';' before {{ 7 * 7 }}\n",
            build_reason="compiler_error",
        ),
        judged(
            "incorrect",
            "values",
            number=3,
            trials=2,
            trials_passed=1,
            mismatch=Mismatch(
                "values", "0.25", "nan", index=(0, 3), wrong_share=0.1234, max_abs_error="inf", nonfinite=17
            ),
        ),
        judged(
            "crashed",
            "signal:11",
            number=4,
            detail="Fatal Python error: Segmentation fault on NVIDIA H200\n",
        ),
        passed(1.2345, eager_ms=2.28, number=5),
    )


def with_feedback(turns, show):
    """The turns as the engine knows them: each with the feedback that ended it."""
    templates = Templates.shipped()
    return tuple(
        TurnView(
            number=turn.number,
            outcome=turn.outcome,
            candidate=turn.candidate,
            feedback=render_feedback(templates, show=show, turn=turn, max_chars=4000),
        )
        for turn in turns
    )
