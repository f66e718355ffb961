"""The evaluator over a zygote that runs nothing: what it asks for, and what it makes of what it is told."""

import asyncio
import os
import socket
import struct
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from evaluation_cases import CANDIDATE, GRANT, QUICK, REFERENCE, evaluation_of

from caesar.domain import Finding, Trust, Verdict
from caesar.effects import BaselineKind, Grant, Ruling
from caesar.errors import Fault
from caesar.evaluators import local
from caesar.evaluators.baselines import BaselineCache
from caesar.evaluators.local import LocalEvaluator, hub_environment
from caesar.evaluators.protocol import (
    Baselines,
    Cause,
    Described,
    Differs,
    Gone,
    Measured,
    Passed,
    Raised,
    Reached,
    Report,
    Stage,
    Unusable,
    encode,
)
from caesar.evaluators.verdicts import wrote_to_inputs
from caesar.sandbox.box import Box, Tier
from caesar.sandbox.job import Ended, How

DESCRIBED = Described("a processor", "2.13", None, None, 1.0)
KILLED = Ended(How.TIMED_OUT, 0, (), "", 1.0)
CRASHED = Ended(How.SIGNALLED, 11, (), "", 1.0)
TIMES = Measured((1.0,) * 6, (2.0,) * 6, 0.5, 0.5, "candidate", 0.1)
BEFORE_TRIAL = (Stage.SETUP, Stage.CANDIDATE)
IN_TRIAL = (*BEFORE_TRIAL, Stage.TRIAL)


def report_of(ending, stages=tuple(Stage), *, passed=2):
    reached = {stage: float(number) for number, stage in enumerate(stages)}
    return Report(ending, reached, "copied", passed, 2, (), {}, {}, 9.0)


PASS = report_of(Passed(TIMES))


class FakeZygote:
    """Plays both processes: a judge with a report for each contest, and a candidate that ends like this."""

    def __init__(self, *reports, first=DESCRIBED, ended=None, baselines=None):
        self.reports = list(reports)
        self.first = first
        self.ended = ended
        self.baselines = baselines
        self.judges, self.candidates, self.orders = [], [], []
        self.alive = 0
        self.alive_with_judge = []
        """How many processes there were when each judge had started, itself included."""
        self.died = asyncio.Event()

    async def run(self, job, *, expired):
        (job.folder / "left").write_text("over")
        self.alive += 1
        try:
            if job.target.endswith("judge:main"):
                self.judges.append(job)
                self.alive_with_judge.append(self.alive)
                return await self._judge(job, expired)
            self.candidates.append(job)
            return await self._candidate(expired)
        finally:
            self.alive -= 1

    async def _candidate(self, expired):
        if self.ended is None:
            await expired
        await asyncio.sleep(0.01)
        self.died.set()
        return self.ended or KILLED

    async def _judge(self, job, expired):
        loop = asyncio.get_running_loop()
        link = socket.socket(fileno=os.dup(job.descriptors[0]))
        link.setblocking(False)
        say = lambda message: link.sendall(struct.pack("!I", len(encode(message))) + encode(message))  # noqa: E731
        with link:
            if self.first is None:
                return Ended(How.EXITED, 1, (), "broken", 1.0)
            say(self.first)
            while not expired.done():
                if not await _readable(loop, link, expired):
                    break
                data, descriptors, *_ = socket.recv_fds(link, 4096, 1)
                self.orders.append(data)
                for descriptor in descriptors:
                    os.close(descriptor)
                if not descriptors:
                    say(self.baselines)
                    continue
                report = self.reports.pop(0)
                if report is None:
                    return Ended(How.SIGNALLED, 9, (), "", 1.0)
                if report == "hangs":
                    continue
                if report == "waits":
                    await self.died.wait()
                    report = report_of(Gone(), IN_TRIAL)
                for stage, seconds in report.reached_s.items():
                    say(Reached(stage, seconds))
                say(report)
        return KILLED


async def _readable(loop, link, expired):
    """Whether there is something to read before the process is ended."""
    arrived = loop.create_future()
    loop.add_reader(link, lambda: arrived.done() or arrived.set_result(None))
    try:
        await asyncio.wait({arrived, expired}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(link)
    return arrived.done()


def evaluated_by(zygote, tmp_path, *requests, grant=GRANT, **options):
    """What an evaluator says to each request in turn."""

    async def evaluate():
        evaluator = LocalEvaluator(zygote=zygote, scratch=tmp_path, device_names={"cpu:0": "a CPU"}, **options)
        try:
            return [await evaluator.evaluate(request, grant) for request in requests or (evaluation_of(),)]
        finally:
            await evaluator.close()

    return asyncio.run(evaluate())


def jobs_of(tmp_path, *, grant=GRANT, options=None, **request):
    """The judge's job and the candidate's of one evaluation."""
    zygote = FakeZygote(PASS)
    evaluated_by(zygote, tmp_path, evaluation_of(**request), grant=grant, **(options or {}))
    return zygote.judges[0], zygote.candidates[0]


def test_an_evaluation_is_what_the_judge_reports(tmp_path):
    (evaluated,) = evaluated_by(FakeZygote(PASS), tmp_path)

    assert (Verdict.PASSED, 2.0) == (evaluated.evaluation.verdict, evaluated.evaluation.speedup)
    assert "a CPU" == evaluated.evaluation.environment.device_name


def test_a_judge_is_given_the_reference_and_a_candidates_process_the_candidate(tmp_path):
    judge, candidate = jobs_of(tmp_path)

    assert REFERENCE in judge.payload.decode().encode().decode("unicode_escape")
    assert CANDIDATE in candidate.payload.decode().encode().decode("unicode_escape")
    assert b"ModelNew" not in judge.payload
    assert b"class Model(" not in candidate.payload


def test_a_candidates_process_knows_no_settings(tmp_path):
    _, candidate = jobs_of(tmp_path, settings=replace(QUICK, correctness_trials=7919))

    assert b"7919" not in candidate.payload


def test_a_candidates_process_is_boxed_and_bounded(tmp_path):
    nodes = {"cpu:0": (Path("/dev/null"),)}
    options = {"tier": Tier.PROCESS, "nodes": nodes, "cpus": {"cpu:0": (0,)}}

    _, candidate = jobs_of(tmp_path, options=options, output_bytes=99)

    assert 99 == candidate.output_bytes
    assert (Tier.PROCESS, (Path("/artifact"),), (Path("/dev/null"),), (0,)) == (
        candidate.box.tier,
        candidate.box.reads,
        candidate.box.devices,
        candidate.box.cpus,
    )
    assert all((candidate.box.memory_bytes, candidate.box.processes, candidate.box.disk_bytes))


def test_a_judge_has_the_candidates_cores_and_no_box(tmp_path):
    judge, _ = jobs_of(tmp_path, options={"tier": Tier.PROCESS, "cpus": {"cpu:0": (0,)}})

    assert Box(Tier.NONE, cpus=(0,)) == judge.box


def test_the_tier_decides_what_a_verdict_is_worth(tmp_path):
    (evaluated,) = evaluated_by(FakeZygote(PASS), tmp_path, tier=Tier.NAMESPACE)

    assert ("namespace", Trust.HIGH) == (
        evaluated.evaluation.environment.isolation,
        evaluated.evaluation.environment.trust,
    )


def test_on_the_cpu_neither_process_sees_a_gpu(tmp_path):
    judge, candidate = jobs_of(tmp_path)

    assert ("", "") == (judge.env["CUDA_VISIBLE_DEVICES"], candidate.env["CUDA_VISIBLE_DEVICES"])
    assert b'"cuda":false' in judge.payload


def test_on_a_gpu_both_see_that_one_only(tmp_path):
    judge, candidate = jobs_of(tmp_path, grant=Grant("GPU-1234", token=1, waited_s=0.0))

    assert ("GPU-1234", "GPU-1234") == (
        judge.env["CUDA_VISIBLE_DEVICES"],
        candidate.env["CUDA_VISIBLE_DEVICES"],
    )
    assert b'"cuda":true' in judge.payload


def test_the_artifact_is_where_a_candidate_finds_extensions_built(tmp_path):
    judge, candidate = jobs_of(tmp_path)

    assert "/artifact" == candidate.env["TORCH_EXTENSIONS_DIR"]
    assert "TORCH_EXTENSIONS_DIR" not in judge.env


def test_given_variables_are_the_judges_and_never_choose_the_device(tmp_path):
    env = {"HF_HOME": "/models", "CUDA_VISIBLE_DEVICES": "GPU-other"}

    judge, candidate = jobs_of(tmp_path, options={"env": env})

    assert "/models" == judge.env["HF_HOME"]
    assert "" == judge.env["CUDA_VISIBLE_DEVICES"]
    assert "HF_HOME" not in candidate.env


def test_a_judge_may_use_its_devices_processors_and_times_on_the_first(tmp_path, monkeypatch):
    monkeypatch.setattr(local.os, "sched_getaffinity", lambda _pid: {1, 2, 3})

    every = jobs_of(tmp_path)
    own = jobs_of(tmp_path, options={"cpus": {"cpu:0": (4, 5)}})

    assert ["3", "1"] == [job.env["OMP_NUM_THREADS"] for job in every]
    assert ["2", "1"] == [job.env["OMP_NUM_THREADS"] for job in own]
    assert [None, (1,)] == [job.box.cpus for job in every]
    assert [(4, 5), (4,)] == [job.box.cpus for job in own]
    assert [1, 4] == [msgspec.json.decode(judge.payload)["core"] for judge, _ in (every, own)]


def test_a_judge_is_kept_for_the_next_candidate_of_its_problem(tmp_path):
    zygote = FakeZygote(PASS, report_of(Differs("values")), PASS)

    evaluated = evaluated_by(zygote, tmp_path, *(evaluation_of(f"# {number}") for number in range(3)))

    assert (1, 3) == (len(zygote.judges), len(zygote.candidates))
    assert ["passed", "incorrect", "passed"] == [each.evaluation.verdict for each in evaluated]


@pytest.mark.parametrize(
    "other",
    [
        evaluation_of(reference=REFERENCE + "# another"),
        evaluation_of(settings=replace(QUICK, correctness_trials=3)),
        evaluation_of(limit_s=59.0),
    ],
)
def test_another_problem_other_settings_or_another_limit_need_another_judge(tmp_path, other):
    zygote = FakeZygote(PASS, PASS)

    evaluated_by(zygote, tmp_path, evaluation_of(), other)

    assert 2 == len(zygote.judges)


@pytest.mark.parametrize(("device", "alive"), [("cpu:0", 2), ("GPU-1234", 1)])
def test_a_judge_starts_beside_the_end_of_the_former_but_on_a_gpu_after_it(tmp_path, device, alive):
    zygote = FakeZygote(PASS, PASS)
    other = evaluation_of(reference=REFERENCE + "# another")

    evaluated_by(zygote, tmp_path, evaluation_of(), other, grant=Grant(device, token=1, waited_s=0.0))

    assert [1, alive] == zygote.alive_with_judge
    assert 0 == zygote.alive


def test_two_devices_have_a_judge_each(tmp_path):
    zygote = FakeZygote(PASS, PASS)

    async def evaluate():
        evaluator = LocalEvaluator(zygote=zygote, scratch=tmp_path, device_names={})
        grants = [Grant(f"cpu:{index}", token=1, waited_s=0.0) for index in range(2)]
        await asyncio.gather(*(evaluator.evaluate(evaluation_of(), grant) for grant in grants))
        alive = zygote.alive
        await evaluator.vacate("cpu:0")
        left = zygote.alive
        await evaluator.close()
        return alive, left, zygote.alive

    assert (2, 1, 0) == asyncio.run(evaluate())


def test_a_judge_that_died_while_it_was_kept_is_replaced(tmp_path):
    zygote = FakeZygote(PASS, PASS)

    async def evaluate():
        evaluator = LocalEvaluator(zygote=zygote, scratch=tmp_path, device_names={})
        await evaluator.evaluate(evaluation_of(), GRANT)
        evaluator._judges["cpu:0"]._end.set_result(None)
        await asyncio.sleep(0.05)
        again = await evaluator.evaluate(evaluation_of(), GRANT)
        await evaluator.close()
        return again.evaluation.verdict

    assert Verdict.PASSED is asyncio.run(evaluate())
    assert 2 == len(zygote.judges)


def test_vacating_a_device_where_nothing_is_does_nothing(tmp_path):
    evaluator = LocalEvaluator(zygote=FakeZygote(), scratch=tmp_path, device_names={})

    assert asyncio.run(evaluator.vacate("cpu:0")) is None


def test_a_candidate_that_died_as_one_does_that_writes_to_its_inputs_is_judged_again_on_its_own(tmp_path):
    zygote = FakeZygote(report_of(Gone(), IN_TRIAL, passed=0), PASS, ended=CRASHED)

    (evaluated,) = evaluated_by(zygote, tmp_path)

    assert [b'{"writable":false}', b'{"writable":true}'] == zygote.orders
    assert (Verdict.INCORRECT, "input_mutated") == (evaluated.evaluation.verdict, evaluated.evaluation.reason)


def test_the_time_of_a_first_look_is_booked_with_the_second(tmp_path, monkeypatch):
    zygote = FakeZygote(report_of(Gone(), IN_TRIAL, passed=0), PASS, ended=CRASHED)
    monkeypatch.setattr(local, "wrote_to_inputs", lambda course: time.sleep(0.1) or wrote_to_inputs(course))

    (evaluated,) = evaluated_by(zygote, tmp_path)

    assert evaluated.evaluation.environment.seconds["process"] >= 0.1


def test_the_time_that_further_baselines_take_is_booked(tmp_path):
    settings = replace(QUICK, baselines=(BaselineKind.EAGER, BaselineKind.COMPILE))
    told = Baselines({"compile:default": (0.5,) * 10}, {}, 1.0)

    (compiled,) = evaluated_by(FakeZygote(PASS, baselines=told), tmp_path, evaluation_of(settings=settings))
    (eager,) = evaluated_by(FakeZygote(PASS), tmp_path)

    assert compiled.evaluation.environment.seconds["baselines"] > 0
    assert "baselines" not in eager.evaluation.environment.seconds


def test_a_second_look_may_be_all_that_is_held_against_it(tmp_path):
    zygote = FakeZygote(report_of(Gone(), IN_TRIAL, passed=0), PASS, ended=CRASHED)
    settings = replace(QUICK, policy={"input_mutated": Ruling.FINDING})

    (evaluated,) = evaluated_by(zygote, tmp_path, evaluation_of(settings=settings))

    assert Verdict.PASSED is evaluated.evaluation.verdict
    assert ["input_mutated"] == [finding.kind for finding in evaluated.evaluation.findings]


def test_how_a_process_ended_by_itself_is_waited_for(tmp_path):
    zygote = FakeZygote(report_of(Gone(), BEFORE_TRIAL), ended=Ended(How.EXITED, 3, (), "last words", 1.0))

    (evaluated,) = evaluated_by(zygote, tmp_path)

    assert "exit:3" == evaluated.evaluation.reason
    assert "last words" in evaluated.texts.values()


def test_a_process_that_lives_on_without_its_link_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "_DYING_S", 0.05)

    (evaluated,) = evaluated_by(FakeZygote(report_of(Gone(), IN_TRIAL)), tmp_path)

    assert (Verdict.CRASHED, "protocol") == (evaluated.evaluation.verdict, evaluated.evaluation.reason)


def test_a_candidate_is_ended_at_its_limit(tmp_path):
    (evaluated,) = evaluated_by(FakeZygote("waits"), tmp_path, evaluation_of(limit_s=0.05))

    assert (Verdict.TIMED_OUT, "time_limit") == (evaluated.evaluation.verdict, evaluated.evaluation.reason)


def test_a_judge_that_hangs_once_its_candidate_is_gone_is_the_devices_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "_GRACE_S", 0.05)
    monkeypatch.setattr(local, "_GRACE_SHARE", 0.0)

    with pytest.raises(Fault, match="the judge on cpu:0 hangs") as fault:
        evaluated_by(FakeZygote("hangs", ended=CRASHED), tmp_path)

    assert "device" == fault.value.kind


def test_a_judge_whose_reference_is_slow_may_take_longer_to_notice(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "_GRACE_S", 0.0)
    monkeypatch.setattr(local, "_GRACE_SHARE", 60.0 / DESCRIBED.seconds)

    (evaluated,) = evaluated_by(FakeZygote("waits", "waits", ended=CRASHED), tmp_path)

    assert Verdict.CRASHED == evaluated.evaluation.verdict


def test_a_judge_that_ends_in_the_middle_is_the_evaluators_fault(tmp_path):
    zygote = FakeZygote(None)

    with pytest.raises(Fault, match="in the middle: signal 9 ended it, as where memory runs out") as fault:
        evaluated_by(zygote, tmp_path)

    assert ("evaluator", False, 0) == (fault.value.kind, fault.value.permanent, zygote.alive)


def test_a_judge_that_never_gets_ready_is_a_fault_of_the_reference(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "_READY_S", 0.05)

    class Silent(FakeZygote):
        async def _judge(self, job, expired):
            await expired
            return KILLED

    with pytest.raises(Fault, match="did not get ready") as fault:
        evaluated_by(Silent(), tmp_path)

    assert "reference" == fault.value.kind


def test_a_judge_that_ends_before_it_is_ready_is_the_evaluators_fault(tmp_path):
    with pytest.raises(Fault, match="ended before it was ready: it exited with 1: broken") as fault:
        evaluated_by(FakeZygote(first=None), tmp_path)

    assert "evaluator" == fault.value.kind


def test_a_reference_that_nobody_can_be_judged_by_is_a_fault_for_good(tmp_path):
    with pytest.raises(Fault, match="needs the package nope") as fault:
        evaluated_by(FakeZygote(first=Unusable(Cause.PACKAGE, "nope")), tmp_path)

    assert ("reference", True) == (fault.value.kind, fault.value.permanent)


def test_a_folder_that_cannot_be_made_is_a_fault(tmp_path):
    with pytest.raises(Fault, match=r"can't make its folder .*nowhere.*; set TMPDIR") as fault:
        evaluated_by(FakeZygote(PASS), tmp_path / "nowhere")

    assert "evaluator" == fault.value.kind


@pytest.mark.parametrize(
    "zygote",
    [
        FakeZygote(PASS),
        FakeZygote(report_of(Raised("KeyError", "x", False, False), IN_TRIAL)),
    ],
)
def test_nothing_is_left_in_the_scratch_folder(tmp_path, zygote):
    evaluated_by(zygote, tmp_path)

    assert [] == list(tmp_path.iterdir())
    assert tmp_path == zygote.candidates[0].folder.parent


@pytest.mark.parametrize("zygote", [FakeZygote(None), FakeZygote(first=None)])
def test_a_fault_leaves_nothing_either(tmp_path, zygote):
    with pytest.raises(Fault):
        evaluated_by(zygote, tmp_path)

    assert [] == list(tmp_path.iterdir())
    assert 0 == zygote.alive


@pytest.mark.parametrize("delay_s", [0.0, 0.001, 0.05])
def test_cancelling_leaves_nothing_either(tmp_path, delay_s):
    zygote = FakeZygote("hangs")

    async def cancelled():
        evaluator = LocalEvaluator(zygote=zygote, scratch=tmp_path, device_names={})
        evaluating = asyncio.create_task(evaluator.evaluate(evaluation_of(), GRANT))
        await asyncio.sleep(delay_s)
        evaluating.cancel()
        await asyncio.wait({evaluating})
        others = asyncio.all_tasks() - {asyncio.current_task()}
        return evaluating.cancelled(), zygote.alive, others

    assert (True, 0, set()) == asyncio.run(cancelled())
    assert [] == list(tmp_path.iterdir())


def test_further_baselines_are_measured_once_and_kept(tmp_path):
    settings = replace(QUICK, baselines=(BaselineKind.EAGER, BaselineKind.COMPILE))
    told = Baselines({"compile:default": (0.5,) * 10}, {}, 1.0)
    cache = BaselineCache(tmp_path / "cache")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    request = evaluation_of(settings=settings)

    first, second = (
        evaluated_by(FakeZygote(PASS, baselines=told), scratch, request, baselines=cache)[0] for _ in range(2)
    )

    assert [("eager", False), ("compile:default", False)] == [
        (one.name, one.cached) for one in first.evaluation.baselines
    ]
    assert [("eager", False), ("compile:default", True)] == [
        (one.name, one.cached) for one in second.evaluation.baselines
    ]


def test_no_baseline_is_kept_that_the_candidate_may_have_disturbed(tmp_path):
    settings = replace(QUICK, baselines=(BaselineKind.EAGER, BaselineKind.COMPILE))
    told = Baselines({"compile:default": (0.5,) * 10}, {}, 1.0)
    cache = BaselineCache(tmp_path / "cache")
    disturbed = msgspec.structs.replace(PASS, findings=(Finding("reference_disturbed", "by half"),))

    seen = []
    for number in range(2):
        (scratch := tmp_path / str(number)).mkdir()
        zygote = FakeZygote(disturbed, baselines=told)
        (evaluated,) = evaluated_by(zygote, scratch, evaluation_of(settings=settings), baselines=cache)
        seen += [one.cached for one in evaluated.evaluation.baselines]

    assert [False] * 4 == seen


def test_a_baseline_that_can_not_be_measured_is_left_out(tmp_path):
    settings = replace(QUICK, baselines=(BaselineKind.EAGER, BaselineKind.COMPILE))
    told = Baselines({}, {"compile:default": "RuntimeError"}, 1.0)

    (evaluated,) = evaluated_by(FakeZygote(PASS, baselines=told), tmp_path, evaluation_of(settings=settings))

    assert ["eager"] == [one.name for one in evaluated.evaluation.baselines]


def test_references_find_the_users_models_but_no_secret():
    environ = {"HOME": "/home/me", "HF_TOKEN": "secret", "OPENAI_API_KEY": "secret"}

    assert {"HF_HOME": "/home/me/.cache/huggingface", "HF_HUB_OFFLINE": "1"} == hub_environment(environ)


def test_the_user_may_let_references_fetch_models():
    environ = {"HF_HUB_OFFLINE": "0", "HF_HOME": "/models"}

    assert {"HF_HOME": "/models", "HF_HUB_OFFLINE": "0"} == hub_environment(environ)
