"""Whole evaluations on a GPU: as on the CPU, with events, cache flushes and mapped device memory."""

import asyncio
import os
import time
from dataclasses import replace

import pytest
import torch
from evaluation_cases import CANDIDATE, QUICK, REFERENCE, evaluation_of, returning

from caesar.devices.inventory import inventory, nodes_of
from caesar.domain import Verdict
from caesar.effects import EvaluationSettings, Grant, Precision, Ruling
from caesar.evaluators.buffers import DeviceBuffer
from caesar.evaluators.gate import GATE_BYTES, Barred, Gate
from caesar.evaluators.local import LocalEvaluator
from caesar.sandbox.zygote import Zygote

pytestmark = [
    pytest.mark.slow,
    pytest.mark.requires_cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]

PRELOAD = ("torch", "caesar.evaluators.judge", "caesar.evaluators.candidate", "cuda.bindings.driver?")
LARGE = REFERENCE.replace("torch.rand(4, 8)", "torch.rand(4096, 512)").replace("return [8]", "return [512]")


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """Judge candidates on the first GPU, with one zygote for the module."""
    device = inventory(environ=os.environ)[0]
    grant = Grant(device.id, token=1, waited_s=0.0)
    with asyncio.Runner() as runner:
        zygote = Zygote(preload=PRELOAD)
        runner.run(zygote.__aenter__())
        evaluator = LocalEvaluator(
            zygote=zygote,
            scratch=tmp_path_factory.mktemp("scratch"),
            device_names={},
            nodes={device.id: nodes_of(device)},
        )

        def judged(candidate=CANDIDATE, **request):
            return runner.run(evaluator.evaluate(evaluation_of(candidate, **request), grant)).evaluation

        yield judged
        runner.run(evaluator.close())
        runner.run(zygote.__aexit__(None, None, None))


@pytest.mark.parametrize("precision", list(Precision))
def test_an_equal_candidate_passes_in_every_precision(judge, precision):
    settings = EvaluationSettings(precision=precision, correctness_trials=2, timing_trials=10)

    evaluation = judge(settings=settings)

    assert (Verdict.PASSED, None) == (evaluation.verdict, evaluation.reason)
    assert 10 == evaluation.timing.trials
    assert evaluation.environment.cuda
    assert evaluation.environment.device_name == torch.cuda.get_device_name(0)


@pytest.mark.parametrize(
    ("candidate", "verdict", "reason"),
    [
        (returning("self.linear(x)"), Verdict.INCORRECT, "values"),
        (returning("torch.relu(self.linear(x)).cpu()"), Verdict.INCORRECT, "device"),
        (returning("torch.full_like(self.linear(x), float('inf'))"), Verdict.INCORRECT, "values"),
        (returning("torch.empty(1 << 48, device=x.device)"), Verdict.CRASHED, "out_of_memory"),
        (returning("torch.zeros(3, device=x.device)[x.long() + 99]"), Verdict.CRASHED, None),
        ("import os; os.kill(os.getpid(), 9)", Verdict.CRASHED, "signal:9"),
    ],
)
def test_a_bad_candidate_comes_to_its_verdict_on_a_gpu(judge, candidate, verdict, reason):
    evaluation = judge(candidate)

    assert verdict is evaluation.verdict
    assert reason in (None, evaluation.reason)


def test_a_bad_candidate_does_not_spoil_the_next_one(judge):
    judge(returning("torch.zeros(3, device=x.device)[x.long() + 99]"))

    assert Verdict.PASSED is judge().verdict


def test_a_candidate_that_hangs_on_the_device_is_ended_at_its_limit(judge):
    hanging = returning("[torch.cuda._sleep(1 << 40), torch.relu(self.linear(x))][1]")

    evaluation = judge(hanging, limit_s=20.0)

    assert (Verdict.TIMED_OUT, "time_limit") == (evaluation.verdict, evaluation.reason)
    assert Verdict.PASSED is judge().verdict


def test_writing_to_an_input_is_incorrect_and_a_finding_where_the_spec_says_so(judge):
    writing = returning("torch.relu(self.linear(x)) + 0 * x.zero_().sum()")
    told = replace(QUICK, policy={"input_mutated": Ruling.FINDING})

    evaluation = judge(writing)
    tolerated = judge(writing, settings=told)

    assert (Verdict.INCORRECT, "input_mutated") == (evaluation.verdict, evaluation.reason)
    assert Verdict.PASSED is tolerated.verdict
    assert "input_mutated" in [finding.kind for finding in tolerated.findings]


def test_work_on_a_stream_of_its_own_is_not_free(judge):
    aside = LARGE.replace("class Model(", "class ModelNew(").replace(
        "return torch.relu(self.linear(x))",
        "self.aside = getattr(self, 'aside', None) or torch.cuda.Stream()\n"
        "        with torch.cuda.stream(self.aside):\n"
        "            for _ in range(50):\n"
        "                out = torch.relu(self.linear(x))\n"
        "        return out",
    )

    evaluation = judge(aside, reference=LARGE)

    assert evaluation.verdict is not Verdict.PASSED or evaluation.speedup < 0.5


def test_inputs_are_made_on_the_gpu(judge):
    reference = REFERENCE.replace(
        "torch.rand(4, 8) - 0.5", "torch.rand(4, 8) * (1 if torch.rand(1).is_cuda else 1 / 0)"
    )

    assert Verdict.PASSED is judge(reference=reference).verdict


def test_a_device_buffer_is_seen_by_whoever_attaches_it():
    torch.cuda.init()
    ours = DeviceBuffer.create(1 << 20)
    theirs = DeviceBuffer.attach(os.dup(ours.descriptor), 1 << 20, writable=False)

    ours.bytes().fill_(7)
    torch.cuda.synchronize()

    assert {7} == set(theirs.bytes()[:4096].tolist())


def test_a_view_of_a_device_buffer_has_the_strides_it_is_told():
    torch.cuda.init()
    buffer = DeviceBuffer.create(4096)
    buffer.view(256, (6,), (1,), torch.float32).copy_(torch.arange(6.0))

    across = buffer.view(256, (2, 3), (1, 2), torch.float32)

    assert [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]] == across.tolist()


def test_what_waits_behind_a_gate_is_done_when_it_is_opened_for_it_and_not_before():
    torch.cuda.init()
    ours = DeviceBuffer.create(GATE_BYTES)
    gate = Gate(ours)
    gate.open(0)
    torch.cuda.synchronize()
    numbers, behind = torch.zeros(4, device="cuda"), torch.cuda.Stream()
    numbers.add_(0)  # loaded at its first launch, for which nothing may be waiting
    barred = Barred(DeviceBuffer.attach(os.dup(ours.descriptor), GATE_BYTES, writable=False))
    with torch.cuda.stream(behind):
        barred.wait(2)
        numbers.add_(1)

    gate.open(1)
    torch.cuda.current_stream().synchronize()
    time.sleep(0.01)
    before = behind.query()
    gate.open(2)
    torch.cuda.synchronize()

    assert not before
    assert [1.0] * 4 == numbers.tolist()


def test_launching_is_no_part_of_the_time(judge):
    many = REFERENCE.replace("torch.relu(self.linear(x))", "sum(torch.relu(self.linear(x)) for _ in range(20))")

    timing = judge(many.replace("class Model(", "class ModelNew("), reference=many).timing

    assert timing.launch_ms > timing.median_ms
