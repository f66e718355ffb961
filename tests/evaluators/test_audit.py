import msgspec
import pytest

from caesar.effects import Precision
from caesar.evaluators.audit import Audit, Audited, main
from caesar.evaluators.vacuity import Flaw, FlawKind

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


def audited(source):
    replies = []
    main(msgspec.json.encode(Audit(source, Precision.FP32, cuda=False)), replies.append)
    (reply,) = replies
    return msgspec.json.decode(reply, type=Audited)


def test_a_problem_without_a_flaw_has_none():
    assert Audited() == audited(PROBLEM.format(output="torch.relu(x)"))


def test_flaws_come_back_as_they_were_found():
    flaws = audited(PROBLEM.format(output="torch.arange(4) / 7.0")).flaws

    assert (Flaw(FlawKind.OTHER_SEED, "the output for other inputs passes"),) == flaws


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("class Model(:", "SyntaxError"),
        ("Model = None", "AttributeError"),
        (PROBLEM.format(output="x @ x[:, :3].t()"), "RuntimeError"),
        (PROBLEM.format(output="undefined"), "NameError"),
    ],
)
def test_a_problem_that_can_not_be_looked_at_says_why(source, words):
    result = audited(source)

    assert result.flaws == ()
    assert result.unusable.startswith(words)
