import asyncio
import json

import msgspec
import pytest

from caesar.domain import Problem
from caesar.effects import Precision
from caesar.errors import Fault
from caesar.evaluators.audit import AuditedFlaw, audit, main
from caesar.sandbox.job import Ended, How

PROBLEM = """
import torch

class Model(torch.nn.Module):
    def forward(self, x):
        return {output}

def get_inputs():
    return [torch.randn(4, 4)]

def get_init_inputs():
    return []
"""


class FakeZygote:
    """Runs an audit's target in this process, or ends as it was told to."""

    def __init__(self, ended=None):
        self.ended = ended
        self.jobs = []

    async def run(self, job):
        self.jobs.append(job)
        if self.ended is not None:
            return self.ended
        replies = []
        main(job.payload, replies.append)
        return Ended(How.EXITED, 0, tuple(replies), "", 1.0)


def audited(source, *, zygote=None, device="cpu:0"):
    """The flaws of a problem, and the job that looked at it."""
    asked = zygote or FakeZygote()
    problem = Problem("tests", "1", "one", source)
    flaws = asyncio.run(
        audit(asked, problem, device=device, precision=Precision.FP32, limit_s=9.0, env={"HF_HOME": "/models"})
    )
    return flaws, asked.jobs[0]


def test_a_problem_without_a_flaw_has_none():
    flaws, _ = audited(PROBLEM.format(output="torch.relu(x)"))

    assert () == flaws


def test_flaws_come_back_as_they_were_found():
    flaws, _ = audited(PROBLEM.format(output="torch.arange(4) / 7.0"))

    assert ["other_seed"] == [flaw.kind for flaw in flaws]
    assert all(flaw.vacuous and flaw.detail for flaw in flaws)


@pytest.mark.parametrize(("device", "visible"), [("cpu:0", ""), ("GPU-1234", "GPU-1234")])
def test_a_job_is_bounded_and_sees_its_device_only(device, visible):
    reply = msgspec.json.encode([AuditedFlaw("zeros", "why", vacuous=True)])
    zygote = FakeZygote(Ended(How.EXITED, 0, (reply,), "", 1.0))

    flaws, job = audited("", zygote=zygote, device=device)

    assert (AuditedFlaw("zeros", "why", vacuous=True),) == flaws
    assert (9.0, visible, "/models") == (job.limit_s, job.env["CUDA_VISIBLE_DEVICES"], job.env["HF_HOME"])
    assert bool(visible) == json.loads(job.payload)["cuda"]


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (
            Ended(How.EXITED, 1, (), "Traceback\nModuleNotFoundError: No module named 'x'", 1.0),
            "ModuleNotFoundError: No module named 'x'$",
        ),
        (
            Ended(How.EXITED, 0, (), "hello", 1.0),
            "its process ended with status 0 and without an answer: hello$",
        ),
        (Ended(How.EXITED, 0, (), "", 1.0), "its process ended with status 0 and without an answer$"),
        (Ended(How.SIGNALLED, 11, (b"[]",), "", 1.0), "its process died of signal 11$"),
        (Ended(How.TIMED_OUT, 0, (), "", 1.0), "that takes longer than 9 s; give it more with --limit$"),
        (Ended(How.MEMORY_LIMIT, 0, (), "", 1.0), r"its process was ended \(memory_limit\)$"),
    ],
)
def test_a_problem_that_can_not_be_looked_at_is_a_fault_that_says_why(ended, words):
    with pytest.raises(Fault, match=f"^can't be audited: {words}") as fault:
        audited("", zygote=FakeZygote(ended))

    assert "reference" == fault.value.kind


@pytest.mark.parametrize("source", ["import nowhere_to_be_found", "class Model(:", "Model = None"])
def test_a_source_that_does_not_work_raises_in_the_child(source):
    with pytest.raises((ImportError, SyntaxError, AttributeError)):
        audited(source)
