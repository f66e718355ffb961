import json
import os
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest
from boxes import opened

from caesar.domain import Trust
from caesar.errors import Fault, UsageError
from caesar.sandbox.box import Box, Tier
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.probe import Probe, _findings, _reason, probe
from caesar.sandbox.probing import TARGET, Attempt, Findings
from caesar.sandbox.zygote import Zygote


def test_a_tier_that_is_strict_enough_is_used():
    found = Probe(Tier.NAMESPACE)

    assert Tier.NAMESPACE is found.at_least(Tier.PROCESS)
    assert Tier.NAMESPACE is found.at_least(Tier.NAMESPACE)


def test_a_tier_below_the_wanted_one_is_refused_with_what_to_do():
    found = Probe(Tier.PROCESS, {Tier.NAMESPACE: "Tier namespace does not hold here: mounting /usr: no."})

    with pytest.raises(UsageError, match=r"namespace can't be had.*only process.*mounting /usr: no.*set isol"):
        found.at_least(Tier.NAMESPACE)


def test_trust_follows_the_tier():
    assert [Trust.NONE, Trust.LOW, Trust.HIGH] == [tier.trust for tier in Tier]


def test_tiers_cover_themselves_and_what_is_weaker():
    covered = {(tier, other) for tier in Tier for other in Tier if tier.covers(other)}

    assert 6 == len(covered)
    assert (Tier.NONE, Tier.PROCESS) not in covered


def test_what_was_not_refused_and_what_did_not_work_is_named():
    findings = Findings(0, {"starting a process": "no"}, ("signalling the supervisor",))

    assert "starting a process fails (no); signalling the supervisor is not refused" == _reason(findings)


def test_a_probe_that_dies_says_how():
    ended = Ended(How.SIGNALLED, 31, (), "first\nBad system call\n", 0.1)

    assert "a child signalled (31) Bad system call" == _findings(ended)


class DyingOnce:
    """A zygote that is killed at its first job."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote, self._alive = zygote, False

    async def run(self, job: Job) -> Ended:
        if self._alive:
            return await self._zygote.run(job)
        self._alive = True
        raise Fault("sandbox", "the zygote died")


@pytest.mark.slow
def test_a_zygote_that_is_killed_in_an_attempt_makes_no_box_weaker():
    with opened() as boxes:
        usual = boxes.runner.run(probe(boxes.zygote))
        killed = boxes.runner.run(probe(DyingOnce(boxes.zygote)))

    assert usual == killed


@pytest.mark.slow
def test_what_a_box_must_refuse_works_without_one(tmp_path):
    """Else that it is refused in a box would say nothing."""
    namespace = str(Path("/proc/self/ns/pid").readlink())
    (tmp_path / "canary").touch()
    with opened() as boxes, subprocess.Popen(["sleep", "600"]) as bystander:
        given = Attempt(
            str(tmp_path / "canary"), 1, bystander.pid, processes=namespace, cuda=False, hostile=True
        )
        payload = json.dumps(asdict(given)).encode()
        job = Job(TARGET, payload, tmp_path, limit_s=30, output_bytes=1000, box=Box(Tier.NONE))
        found = _findings(boxes.runner.run(boxes.zygote.run(job)))
        bystander.kill()

    needs_cores = {"pinning its keeper to a core"} if len(os.sched_getaffinity(0)) > 1 else set()
    assert needs_cores | {
        "reading a file outside the box",
        "reading the supervisor's environment",
        "signalling the supervisor",
        "reading its keeper's limits",
        "lowering its keeper's priority",
        "lowering its keeper's priority at the disk",
    } <= set(found.allowed)
