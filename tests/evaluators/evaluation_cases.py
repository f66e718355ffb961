"""Problems, candidates and requests that the tests of the evaluators share."""

from caesar.domain import Candidate, Problem
from caesar.effects import Backend, Evaluate, EvaluationSettings, Grant, Limits, Request

REFERENCE = """\
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.linear = nn.Linear(size, size)

    def forward(self, x):
        return torch.relu(self.linear(x))


def get_inputs():
    return [torch.rand(4, 8) - 0.5]


def get_init_inputs():
    return [8]
"""

CANDIDATE = REFERENCE.replace("class Model(", "class ModelNew(")

QUICK = EvaluationSettings(correctness_trials=2, timing_trials=3, timing_s=0.05)

GRANT = Grant("cpu:0", token=1, waited_s=0.0)

REQUEST = Request("run/1/0", turn=1, slot=0, action="evaluate")


def returning(expression):
    """A candidate whose forward returns the expression."""
    return CANDIDATE.replace("torch.relu(self.linear(x))", expression)


def evaluation_of(
    candidate=CANDIDATE, *, reference=REFERENCE, settings=QUICK, limit_s=60.0, output_bytes=1 << 16
):
    """A request to judge the candidate."""
    return Evaluate(
        request=REQUEST,
        problem=Problem("tests", "1", "relu", reference),
        candidate=Candidate(candidate),
        artifact="/artifact",
        backend=Backend.CPU,
        settings=settings,
        limits=Limits(evaluate_s=limit_s, output_bytes=output_bytes),
    )
