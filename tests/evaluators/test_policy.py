import pytest

from caesar.effects import Ruling
from caesar.evaluators.policy import FINDINGS, Policy


@pytest.mark.parametrize("finding", ["input_mutated", "wrong_on_other_inputs", "low_precision"])
def test_what_makes_an_output_wrong_or_cheap_rejects_a_candidate(finding):
    assert Policy().rejects(finding)


@pytest.mark.parametrize(
    "finding", sorted(set(FINDINGS) - {name for name, decides in FINDINGS.items() if decides})
)
def test_every_other_finding_is_only_told(finding):
    assert not Policy().rejects(finding)


def test_a_spec_may_decide_either_way():
    policy = Policy({"low_precision": Ruling.FINDING, "tampered": Ruling.INCORRECT})

    assert not policy.rejects("low_precision")
    assert policy.rejects("tampered")
    assert policy.rejects("input_mutated")


def test_a_finding_that_nobody_knows_rejects_nobody():
    assert not Policy().rejects("splendid")
