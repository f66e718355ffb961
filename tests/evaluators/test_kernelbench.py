"""KernelBench's evaluator in its child, and what its words come to."""

import asyncio
import json
import os
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from caesar.domain import Candidate, KernelBenchResult, Problem, Trust, Verdict
from caesar.effects import Backend, Evaluate, EvaluationSettings, Grant, Limits, Request
from caesar.errors import Fault, UsageError
from caesar.evaluators.installation import Installation, find_installation
from caesar.evaluators.kernelbench import (
    KernelBenchJudge,
    evaluated_of,
    judgement_of,
)
from caesar.sandbox.box import Tier
from caesar.sandbox.job import Ended, How
from caesar.sandbox.zygote import Zygote

GPU = Grant("GPU-0", token=1, waited_s=0.0)
READY = {"type": "ready", "device_name": "NVIDIA H100", "torch": "2.11.0", "cuda": "13.0"}
SAID = {
    "type": "said", "compiled": True, "correct": True, "runtime": 1.5, "reference": 3.0,
    "metadata": {"hardware": "NVIDIA H100"}, "samples": [1.4, 1.5, 1.6], "reference_samples": [3.0, 3.0, 3.0],
}  # fmt: skip

REFERENCE = """
    import torch

    class Model(torch.nn.Module):
        def forward(self, x):
            return torch.relu(x)

    def get_inputs():
        return [torch.rand(64) - 0.5]

    def get_init_inputs():
        return []
"""


def ended(*replies, how=How.EXITED, code=0, output="", survivors=0):
    encoded = tuple(reply if isinstance(reply, bytes) else json.dumps(reply).encode() for reply in replies)
    return Ended(how, code, encoded, output, seconds=2.0, survivors=survivors)


def judged(*replies, **how):
    return judgement_of(ended(*replies, **how), version="kernelbench-1")


def work(source, *, reference=REFERENCE, seconds=60.0):
    return Evaluate(
        Request("run/1/0", turn=1, slot=0, action="evaluate"),
        Problem("suite", "1", "relu", dedent(reference)),
        candidate=Candidate(dedent(source)),
        artifact="",
        backend=Backend.CUDA,
        settings=EvaluationSettings(correctness_trials=2, timing_trials=5),
        limits=Limits(build_s=1.0, evaluate_s=seconds),
    )


def test_a_correct_candidate_keeps_kernelbenchs_means_and_the_samples_behind_them():
    judgement = judged(READY, SAID)

    assert KernelBenchResult(
        "kernelbench-1", compiled=True, correct=True, runtime_ms=1.5, reference_ms=3.0,
        metadata='{"hardware": "NVIDIA H100"}',
    ) == judgement.result  # fmt: skip
    assert (1.4, 1.5, 1.6) == judgement.samples_ms
    assert 2.0 == judgement.result.speedup


def test_minus_one_is_an_absent_time():
    result = judged(READY, SAID | {"correct": False, "runtime": -1.0, "reference": -1.0}).result

    assert (None, None, None) == (result.runtime_ms, result.reference_ms, result.speedup)


def test_a_runtime_that_is_no_number_is_absent():
    text = json.dumps(SAID | {"runtime": 0.0}).encode()

    assert judged(READY, text).result.runtime_ms is None


def test_an_answer_to_retry_is_a_compile_error_for_no_lock_is_ever_held():
    assert "compile_error" == judged(READY, {"type": "retry"}).result.reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"compiled": False, "correct": False}, "compile_error"),
        ({"correct": False, "metadata": {"correctness_issue": "Output mismatch"}}, "values"),
        ({"correct": False, "metadata": {"correctness_issue": "Output shape mismatch"}}, "shape"),
        (
            {"correct": False, "metadata": {"runtime_error_name": "builtins.RuntimeError"}},
            "exception:RuntimeError",
        ),
        ({"correct": False, "metadata": {"runtime_error_name": "m.A\x1b[2J\nB"}}, "exception:A__2J_B"),
        ({"correct": False}, "exception:unknown"),
    ],
)
def test_the_reason_comes_from_the_metadata(said, reason):
    result = judged(READY, SAID | said).result

    assert not result.correct
    assert reason == result.reason


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ({"code": 3}, "exit:3"),
        ({"how": How.SIGNALLED, "code": 11}, "signal:11"),
        ({"how": How.TIMED_OUT}, "time_limit"),
        ({"how": How.OUTPUT_LIMIT}, "output_limit"),
        ({"how": How.REPLY_LIMIT}, "protocol"),
    ],
)
def test_an_end_without_an_answer_is_the_candidates(end, reason):
    assert reason == judged(READY, **end).result.reason


def test_garbage_is_no_answer():
    assert "exit:0" == judged(READY, b"\x80\x04garbage").result.reason
    assert "exit:0" == judged(READY, SAID | {"more": 1}).result.reason


def test_a_kernelbench_that_cannot_judge_is_a_fault_that_says_why():
    with pytest.raises(Fault, match="no module named pydantic") as raised:
        judged({"type": "unusable", "what": "no module named pydantic"}, code=0)

    assert raised.value.permanent


def test_a_child_that_ends_before_kernelbench_began_is_a_fault():
    with pytest.raises(Fault, match=r"did not start \(exit:1\).*boom"):
        judged(code=1, output="boom")


def test_processes_that_outlive_it_are_the_devices_fault():
    with pytest.raises(Fault, match="outlived"):
        judged(READY, SAID, survivors=1)


def test_metadata_is_bounded():
    result = judged(READY, SAID | {"metadata": {"runtime_error": 9000 * "x"}}).result

    assert 4000 == len(result.metadata)


def test_its_evaluation_has_a_timing_and_a_baseline_and_no_trust():
    evaluated = evaluated_of(work(""), GPU, judged(READY, SAID), isolation="none")

    evaluation = evaluated.evaluation
    assert (Verdict.PASSED, Trust.NONE, "kernelbench-1") == (
        evaluation.verdict,
        evaluation.environment.trust,
        evaluation.evaluator,
    )
    assert 2.0 == evaluation.speedup
    assert evaluation.timing.samples in evaluated.texts


@pytest.mark.parametrize(
    ("reason", "verdict"),
    [
        ({"compiled": False, "correct": False}, Verdict.CRASHED),
        ({"correct": False, "metadata": {"correctness_issue": "Output mismatch"}}, Verdict.INCORRECT),
    ],
)
def test_its_evaluation_of_a_wrong_candidate_has_a_verdict_of_ours(reason, verdict):
    evaluation = evaluated_of(work(""), GPU, judged(READY, SAID | reason), isolation="none").evaluation

    assert verdict is evaluation.verdict
    assert evaluation.timing is None


def judge(installation, tmp_path, effect, *, target="kernelbench_shim:main", grant=GPU):
    async def once():
        async with Zygote() as zygote:
            judge = KernelBenchJudge(installation, zygote=zygote, scratch=tmp_path, target=target)
            return await judge.judge(effect, grant)

    return asyncio.run(once())


def test_a_device_that_is_no_gpu_is_refused(tmp_path):
    with pytest.raises(UsageError, match="takes a GPU"):
        judge(Installation(tmp_path, None, "kernelbench-1"), tmp_path, work(""), grant=Grant("cpu:0", 1, 0.0))


def test_its_process_is_boxed_and_bounded(tmp_path):
    jobs = []

    class Recorder:
        async def run(self, job, *, expired=None):
            jobs.append(job)
            return ended(READY, SAID)

    package, node = tmp_path / "kernelbench", Path("/dev/nvidia7")
    judge = KernelBenchJudge(
        Installation(package, None, "kernelbench-1"),
        zygote=Recorder(),
        scratch=tmp_path,
        tier=Tier.NAMESPACE,
        nodes={"GPU-0": (node,), "GPU-1": (Path("/dev/nvidia8"),)},
    )

    asyncio.run(judge.judge(work(""), GPU))

    (box,) = [job.box for job in jobs]
    assert (Tier.NAMESPACE, (package,), (node,)) == (box.tier, box.reads, box.devices)
    assert all((box.memory_bytes, box.processes, box.disk_bytes))


def stand_in(folder, body):
    """A package shaped like KernelBench's, whose __init__ must never run."""
    package = folder / "src" / "kernelbench"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('the package itself was imported')")
    (package / "timing.py").write_text(
        "def get_timing_stats(times, device=None):\n    return {'mean': max(times)}\n"
    )
    (package / "eval.py").write_text(
        "import openai, litellm, dotenv, types\nfrom . import timing\n"
        "def get_torch_dtype_from_string(name):\n    return name\n"
        "def eval_kernel_against_ref(reference, candidate, **named):\n" + body
    )
    return find_installation({}, root=folder)


SAYS = """
    made = timing.get_timing_stats([1.0, 2.0]), timing.get_timing_stats([4.0, 4.0])
    return types.SimpleNamespace(compiled=True, correctness=True, runtime=made[0]['mean'],
        ref_runtime=made[1]['mean'], metadata={'error': ValueError('as an object')})
"""


@pytest.mark.slow
def test_what_kernelbench_returns_comes_back_as_data_without_its_clients(tmp_path):
    judgement = judge(stand_in(tmp_path, SAYS), tmp_path, work(""))

    assert (2.0, 4.0) == (judgement.result.runtime_ms, judgement.result.reference_ms)
    assert ((1.0, 2.0), (4.0, 4.0)) == (judgement.samples_ms, judgement.reference_samples_ms)
    assert {"error": "as an object"} == json.loads(judgement.result.metadata)


@pytest.mark.slow
def test_an_exit_inside_kernelbench_is_the_candidates(tmp_path):
    judgement = judge(stand_in(tmp_path, "    raise SystemExit(7)\n"), tmp_path, work(""))

    assert "exit:7" == judgement.result.reason


@pytest.mark.slow
def test_without_a_gpu_kernelbench_is_a_fault_that_says_so(tmp_path):
    with pytest.raises(Fault, match="sees none"):
        judge(stand_in(tmp_path, SAYS), tmp_path, work(""), target="caesar.evaluators.kernelbench_child:main")


@pytest.mark.slow
def test_another_interpreter_runs_the_child_as_a_program_and_its_answer_is_passed_on(tmp_path):
    installation = stand_in(tmp_path, SAYS)
    foreign = Installation(installation.package, Path(sys.executable), installation.version)

    with pytest.raises(Fault, match="sees none"):
        judge(foreign, tmp_path, work(""))


@pytest.mark.slow
@pytest.mark.requires_kernelbench
@pytest.mark.parametrize(
    ("source", "correct", "reason"),
    [
        ("ModelNew = Model", True, None),
        ("class ModelNew(Model):\n    def forward(self, x):\n        return x", False, "values"),
        ("class ModelNew(Model):\n    def forward(self, x):\n        return x[:3]", False, "shape"),
        (
            "class ModelNew(Model):\n    def forward(self, x):\n        raise KeyError(x)",
            False,
            "exception:KeyError",
        ),
        ("raise RuntimeError('in a block of code')", False, "compile_error"),
        ("raise RuntimeError('plain')", False, "compile_error"),
        ("def broken(", False, "compile_error"),
        ("import os; os._exit(4)", False, "exit:4"),
    ],
)
def test_kernelbench_itself_judges_small_candidates(tmp_path, source, correct, reason):
    root = os.environ.get("KERNELBENCH_ROOT")
    if not root:
        pytest.skip("KERNELBENCH_ROOT names no checkout")
    effect = work(dedent(REFERENCE) + "\n" + source)

    result = judge(find_installation({}, root=Path(root)), tmp_path, effect).result

    assert (correct, reason) == (result.correct, result.reason)
    assert correct == (result.runtime_ms is not None)
