import asyncio

import pytest
from evaluation_cases import CANDIDATE, GRANT, REFERENCE, evaluation_of

from caesar.domain import Verdict
from caesar.effects import Grant
from caesar.errors import Fault
from caesar.evaluators import local
from caesar.evaluators.local import LocalEvaluator, hub_environment
from caesar.evaluators.protocol import Described, Reached, Stage, encode
from caesar.sandbox.job import Ended, How

LOADED = tuple(
    encode(frame)
    for frame in (
        Reached(Stage.DEVICE, 0.0),
        Described("a processor", "2.13", None),
        Reached(Stage.REFERENCE, 0.1),
        Reached(Stage.CANDIDATE, 0.2),
    )
)


class FakeZygote:
    """Runs nothing: notes each job, leaves a file in its folder, and ends as it was told to."""

    def __init__(self, ended):
        self.ended = ended
        self.jobs = []

    async def run(self, job):
        self.jobs.append(job)
        (job.folder / "left").write_text("over")
        if self.ended is None:
            await asyncio.Event().wait()
        return self.ended


CRASHED = Ended(How.SIGNALLED, 11, LOADED, "", 1.0)


def job_of(tmp_path, *, grant=GRANT, env=None, **request):
    zygote = FakeZygote(CRASHED)
    evaluator = LocalEvaluator(zygote=zygote, scratch=tmp_path, device_names={"cpu:0": "a CPU"}, env=env)
    evaluated = asyncio.run(evaluator.evaluate(evaluation_of(**request), grant))
    return zygote.jobs[0], evaluated


def test_an_evaluation_is_what_its_child_amounts_to(tmp_path):
    _job, evaluated = job_of(tmp_path)

    assert Verdict.CRASHED is evaluated.evaluation.verdict
    assert "a CPU" == evaluated.evaluation.environment.device_name


def test_a_folder_that_cannot_be_made_is_a_fault(tmp_path):
    with pytest.raises(Fault, match=r"can't make its folder .*nowhere.*; set TMPDIR") as raised:
        job_of(tmp_path / "nowhere")

    assert "evaluator" == raised.value.kind


def test_a_child_is_given_the_sources_and_the_limits(tmp_path):
    job, _evaluated = job_of(tmp_path, limit_s=7.0, output_bytes=99)

    assert (7.0, 99) == (job.limit_s, job.output_bytes)
    assert REFERENCE in job.payload.decode().encode().decode("unicode_escape")
    assert CANDIDATE in job.payload.decode().encode().decode("unicode_escape")


def test_a_child_on_the_cpu_sees_no_gpu(tmp_path):
    job, _evaluated = job_of(tmp_path)

    assert "" == job.env["CUDA_VISIBLE_DEVICES"]
    assert b'"cuda":false' in job.payload


def test_a_child_on_a_gpu_sees_that_one_only(tmp_path):
    job, _evaluated = job_of(tmp_path, grant=Grant("GPU-1234", token=1, waited_s=0.0))

    assert "GPU-1234" == job.env["CUDA_VISIBLE_DEVICES"]
    assert b'"cuda":true' in job.payload


def test_the_artifact_is_where_extensions_are_found_built(tmp_path):
    job, _evaluated = job_of(tmp_path)

    assert "/artifact" == job.env["TORCH_EXTENSIONS_DIR"]


def test_given_variables_are_passed_on_but_never_choose_the_device(tmp_path):
    job, _evaluated = job_of(tmp_path, env={"HF_HOME": "/models", "CUDA_VISIBLE_DEVICES": "GPU-other"})

    assert "/models" == job.env["HF_HOME"]
    assert "" == job.env["CUDA_VISIBLE_DEVICES"]


def test_a_candidates_libraries_may_use_every_processor(tmp_path, monkeypatch):
    monkeypatch.setattr(local.os, "sched_getaffinity", lambda _pid: {1, 2, 3})

    job, _evaluated = job_of(tmp_path)

    assert "3" == job.env["OMP_NUM_THREADS"]


def test_nothing_is_left_in_the_scratch_folder(tmp_path):
    job, _evaluated = job_of(tmp_path)

    assert [] == list(tmp_path.iterdir())
    assert tmp_path == job.folder.parent


def test_a_fault_leaves_nothing_either(tmp_path):
    zygote = FakeZygote(Ended(How.EXITED, 1, (), "broken", 1.0))
    evaluator = LocalEvaluator(zygote=zygote, scratch=tmp_path, device_names={})

    with pytest.raises(Fault, match="broken"):
        asyncio.run(evaluator.evaluate(evaluation_of(), GRANT))

    assert [] == list(tmp_path.iterdir())


def test_cancelling_leaves_nothing_either(tmp_path):
    evaluator = LocalEvaluator(zygote=FakeZygote(None), scratch=tmp_path, device_names={})

    async def cancelled():
        async with asyncio.timeout(0.05):
            await evaluator.evaluate(evaluation_of(), GRANT)

    with pytest.raises(TimeoutError):
        asyncio.run(cancelled())
    assert [] == list(tmp_path.iterdir())


def test_references_find_the_users_models_but_no_secret():
    environ = {"HOME": "/home/me", "HF_TOKEN": "secret", "OPENAI_API_KEY": "secret"}

    assert {"HF_HOME": "/home/me/.cache/huggingface", "HF_HUB_OFFLINE": "1"} == hub_environment(environ)


def test_the_user_may_let_references_fetch_models():
    environ = {"HF_HUB_OFFLINE": "0", "HF_HOME": "/models"}

    assert {"HF_HOME": "/models", "HF_HUB_OFFLINE": "0"} == hub_environment(environ)
