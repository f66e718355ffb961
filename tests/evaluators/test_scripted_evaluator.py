import asyncio
from contextlib import asynccontextmanager

import pytest
from contracts.evaluator import EvaluatorContract, request_for
from evaluation_cases import GRANT, evaluation_of
from hypothesis import given
from hypothesis import strategies as st

from caesar.domain import Candidate, Verdict
from caesar.errors import Fault
from caesar.evaluators.scripted import BASELINE_MS, Scripted, ScriptedEvaluator, by_marker


class TestScriptedEvaluator(EvaluatorContract):
    @asynccontextmanager
    async def open_evaluator(self, folder):
        yield ScriptedEvaluator()

    def faulty_request(self):
        return request_for("# caesar: fault")


def judged(source, **options):
    evaluator = ScriptedEvaluator(**options)
    return asyncio.run(evaluator.evaluate(evaluation_of(source), GRANT)).evaluation


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_candidate_comes_to_what_its_marker_says(verdict):
    assert verdict is judged(f"x = 1\n# caesar: {verdict}\n").verdict


def test_a_marker_may_tell_the_time():
    evaluation = judged("# caesar: passed 0.25")

    assert (0.25, 4.0) == (evaluation.timing.median_ms, evaluation.speedup)


def test_a_marker_inside_a_line_is_none():
    assert Verdict.PASSED is judged("x = 1  # caesar: crashed").verdict


def test_a_marker_of_no_verdict_is_a_fault_for_good():
    with pytest.raises(Fault, match="names no verdict: splendid") as fault:
        by_marker(Candidate("# caesar: splendid"))

    assert fault.value.permanent


@given(st.text())
def test_a_candidate_without_a_marker_passes_in_a_time_of_its_own(source):
    scripted = by_marker(Candidate("#" + source.encode("utf-8", "replace").decode()))

    assert Verdict.PASSED is scripted.verdict
    assert BASELINE_MS * 0.5 <= scripted.median_ms <= BASELINE_MS * 1.5


def test_a_script_may_be_any_function_of_the_candidate():
    def script(candidate):
        return Scripted(Verdict.PASSED if "good" in candidate.source else Verdict.CRASHED, 2.0)

    assert 2.0 == judged("good", script=script).timing.median_ms
    assert "exception:RuntimeError" == judged("bad", script=script).reason
