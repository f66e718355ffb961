"""The domain's values: what they derive, and the nonsense they refuse."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.domain import (
    KERNELS,
    Baseline,
    Candidate,
    Environment,
    Evaluation,
    Mismatch,
    Problem,
    Timing,
    Trust,
    Usage,
    Verdict,
    digest_of,
    storable,
    ulid,
)
from caesar.effects import Built, Message, Precision, Request

HERE = Environment("cpu:0", "a cpu", "2.13", None, "fp32", "none", Trust.NONE)


def timing(median_ms: float = 1.0, *, trials: int = 10, std_ms: float = 0.1) -> Timing:
    return Timing(median_ms, median_ms, std_ms, median_ms, median_ms, trials, "a" * 64)


def test_a_speedup_is_the_eager_baseline_over_the_candidate():
    evaluation = Evaluation(
        Verdict.PASSED, HERE, "1", timing=timing(2.0), baselines=(Baseline("eager", timing(3.0)),)
    )

    assert 1.5 == evaluation.speedup


@pytest.mark.parametrize(
    "evaluation",
    [
        Evaluation(Verdict.PASSED, HERE, "1", timing=timing()),
        Evaluation(Verdict.PASSED, HERE, "1", timing=timing(), baselines=(Baseline("compile", timing()),)),
        Evaluation(Verdict.CRASHED, HERE, "1", reason="exit:0", baselines=(Baseline("eager", timing()),)),
    ],
)
def test_a_speedup_is_absent_unless_both_times_were_measured(evaluation):
    assert evaluation.speedup is None


@pytest.mark.parametrize(
    "nonsense",
    [
        lambda: Evaluation(Verdict.INCORRECT, HERE, "1", reason="values", timing=timing()),
        lambda: Evaluation(Verdict.PASSED, HERE, "1", reason="values"),
        lambda: Evaluation(Verdict.CRASHED, HERE, "1"),
        lambda: Evaluation(Verdict.PASSED, HERE, "1", mismatch=Mismatch("shape", "a", "b")),
        lambda: timing(0.0),
        lambda: timing(-1.0),
        lambda: timing(math.nan),
        lambda: timing(std_ms=math.inf),
        lambda: timing(trials=0),
        lambda: Problem("starter", "", "name", "source"),
        lambda: Problem("starter", "1/2", "name", "source"),
        lambda: Built("built", None, "", 0.0),
        lambda: Built("failed", None, "", 0.0),
        lambda: ulid(0, b"short"),
    ],
)
def test_nonsense_can_not_be_built(nonsense):
    with pytest.raises(ValueError, match=r"\w"):
        nonsense()


@given(st.integers(0, 2**47), st.integers(0, 2**47), st.binary(min_size=10, max_size=10))
def test_ids_sort_by_time(one_ms, other_ms, entropy):
    one, other = ulid(one_ms * 1000, entropy), ulid(other_ms * 1000, entropy)

    assert 26 == len(one)
    assert (one_ms < other_ms) == (one < other)


@given(st.text(st.characters()))
def test_a_storable_text_has_a_digest(text):
    assert 64 == len(digest_of(storable(text)))
    assert storable(text) == storable(storable(text))


def test_costs_add_up_and_unknown_prices_stay_unknown():
    known, unknown = Usage(10, 5, 0.5), Usage(1, 1)

    assert Usage(11, 6, 0.5) == known + unknown
    assert (unknown + unknown).usd is None
    assert 15 == known.tokens


def test_equal_sources_are_the_same_candidate():
    assert Candidate("a = 1\n").digest == Candidate("a = 1\n").digest
    assert Candidate("a = 1\n").digest != Candidate("a = 1").digest


def test_every_outcome_either_ends_a_turn_or_leads_on():
    for action in KERNELS.actions.values():
        assert set(action.ends) <= set(action.outcomes)
        assert action.success is None or action.success in action.outcomes
        assert action.needs is None or action.needs in KERNELS.actions


def test_a_request_is_named_by_trajectory_turn_slot_and_action():
    assert "RUN/1/0:2.0:build" == Request("RUN/1/0", 2, 0, "build").id


def test_a_message_is_its_parts_joined_by_newlines():
    assert "a\nb\n\nc" == Message("user", ("a", "b\n", "c")).text


def test_precisions_are_kernelbenchs():
    assert {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"} == {p: p.dtype for p in Precision}
