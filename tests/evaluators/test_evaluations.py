"""Whole evaluations of ordinary and of hostile candidates, each in a child of a real zygote."""

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from contracts.evaluator import EvaluatorContract, request_for
from evaluation_cases import CANDIDATE, GRANT, evaluation_of, returning

from caesar.domain import Problem, Verdict
from caesar.errors import Fault
from caesar.evaluators.local import LocalEvaluator
from caesar.sandbox.zygote import Zygote

pytestmark = pytest.mark.slow


@asynccontextmanager
async def local_evaluator(folder):
    async with Zygote() as zygote:
        yield LocalEvaluator(zygote=zygote, scratch=folder, device_names={})


class TestLocalEvaluator(EvaluatorContract):
    def open_evaluator(self, folder):
        return local_evaluator(folder)

    def faulty_request(self):
        broken = Problem("contracts", "1", "broken", "import nowhere_to_be_found")
        return replace(request_for(""), problem=broken)


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """Judge a candidate with one zygote for all tests of the module."""
    with asyncio.Runner() as runner:
        manager = local_evaluator(tmp_path_factory.mktemp("scratch"))
        evaluator = runner.run(manager.__aenter__())

        def judged(candidate=CANDIDATE, **request):
            return runner.run(evaluator.evaluate(evaluation_of(candidate, **request), GRANT))

        yield judged
        runner.run(manager.__aexit__(None, None, None))


def verdict_of(evaluated):
    return evaluated.evaluation.verdict, evaluated.evaluation.reason


def test_an_equal_candidate_passes(judge):
    evaluation = judge().evaluation

    assert Verdict.PASSED is evaluation.verdict
    assert "copied" == evaluation.parameters
    assert 0.02 < evaluation.speedup < 50


@pytest.mark.parametrize(
    ("candidate", "verdict", "reason"),
    [
        (returning("self.linear(x)"), Verdict.INCORRECT, "values"),
        (returning("torch.relu(self.linear(x))[:1]"), Verdict.INCORRECT, "shape"),
        (returning("torch.relu(self.linear(x)).half()"), Verdict.INCORRECT, "dtype"),
        (returning("1 / 0"), Verdict.CRASHED, "exception:ZeroDivisionError"),
        ("import nowhere_to_be_found", Verdict.CRASHED, "exception:ModuleNotFoundError"),
        ("raise SystemExit(3)", Verdict.CRASHED, "exit:3"),
        ("import os; os._exit(0)", Verdict.CRASHED, "exit:0"),
        ("import ctypes; ctypes.string_at(0)", Verdict.CRASHED, "signal:11"),
        ("import os; os.kill(os.getpid(), 9)", Verdict.CRASHED, "signal:9"),
        (returning("torch.empty(1 << 50)"), Verdict.CRASHED, "out_of_memory"),
    ],
)
def test_a_bad_candidate_comes_to_its_verdict(judge, candidate, verdict, reason):
    assert (verdict, reason) == verdict_of(judge(candidate))


def test_a_candidate_that_hangs_is_ended_at_the_limit(judge):
    started = time.monotonic()

    evaluated = judge("while True: pass", limit_s=3.0)

    assert (Verdict.TIMED_OUT, "time_limit") == verdict_of(evaluated)
    assert time.monotonic() - started < 15


def test_a_flood_of_output_is_ended(judge):
    evaluated = judge("while True: print('x' * 1000)", output_bytes=10_000)

    assert (Verdict.CRASHED, "output_limit") == verdict_of(evaluated)
    assert len(evaluated.texts[evaluated.evaluation.detail]) <= 4000


def test_a_segmentation_fault_keeps_what_was_printed_before(judge):
    evaluated = judge("import ctypes\nprint('so far', flush=True)\nctypes.string_at(0)")

    assert "so far" in evaluated.texts[evaluated.evaluation.detail]


def test_a_verdict_of_the_candidates_own_making_is_a_protocol_violation(judge):
    forger = """
import gc, inspect
for thing in gc.get_objects():
    if type(thing).__name__ == "Channel":
        thing._reply(b'{"verdict": "passed"}')
"""

    assert (Verdict.CRASHED, "protocol") == verdict_of(judge(forger + CANDIDATE))


def test_a_broken_reference_is_a_fault_for_good(judge):
    with pytest.raises(Fault, match="needs the package nowhere_to_be_found") as fault:
        judge(reference="import nowhere_to_be_found")

    assert ("reference", True) == (fault.value.kind, fault.value.permanent)


def test_a_reference_that_ends_the_process_is_a_fault(judge):
    with pytest.raises(Fault, match="exited with status 0 before the candidate was loaded"):
        judge(reference="import os; os._exit(0)")
