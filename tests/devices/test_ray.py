"""Builds and evaluations on a Ray cluster of two nodes, which the test starts on this machine."""

import asyncio
import os
import sys

import pytest

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed: nothing about Ray was tested")

from caesar.devices import journal  # noqa: E402
from caesar.devices.journal import What  # noqa: E402
from caesar.devices.lease import is_held, try_lease  # noqa: E402
from caesar.devices.ray import RayBuilder, RayDevicePool, RayEvaluator, connect  # noqa: E402
from caesar.domain import BuildOutcome, Candidate, Problem, Verdict  # noqa: E402
from caesar.effects import Backend, Build, Evaluate, EvaluationSettings, Limits, Request  # noqa: E402
from caesar.errors import Fault  # noqa: E402

pytestmark = pytest.mark.slow

REFERENCE = """
import torch
class Model(torch.nn.Module):
    def forward(self, x):
        return x + 1
def get_inputs():
    return [torch.ones(8)]
def get_init_inputs():
    return []
"""
PROBLEM = Problem("test", "1", "add", REFERENCE)
SOUND = Candidate(REFERENCE.replace("class Model(", "class ModelNew("))
COMMAND = (sys.executable, "-m", "caesar.cli.agent", "cpu", "auto")


@pytest.fixture
def two_nodes():
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    ray.init(address=cluster.address, logging_level="ERROR", log_to_driver=False)
    yield cluster, second
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def environ(tmp_path):
    places = {"CAESAR_LOCKS": str(tmp_path / "locks"), "CAESAR_CACHE": str(tmp_path / "cache")}
    return {**os.environ, **places, "PYTHONPATH": os.pathsep.join(sys.path)}


def request(turn):
    return Request("RUN/1/0", turn, 0, "evaluate")


async def judged(builder, pool, evaluator, turn):
    limits = Limits()
    built = await builder.build(Build(request(turn), SOUND, Backend.CPU, limits))
    assert BuildOutcome.BUILT is built.outcome, built.log
    settings = EvaluationSettings(correctness_trials=1, timing_trials=10)
    work = Evaluate(request(turn), PROBLEM, SOUND, built.artifact, Backend.CPU, settings, limits)
    grant = await pool.acquire(request(turn).id)
    try:
        return await evaluator.evaluate(work, grant), grant
    finally:
        await pool.release(grant)


def test_two_nodes_build_and_judge_under_their_own_locks_and_a_lost_one_is_a_fault(
    two_nodes, environ, tmp_path
):
    cluster, second = two_nodes
    locks = tmp_path / "locks"

    async def scenario():
        agents = connect(COMMAND, environ, gpus=False)
        async with agents:
            builder, pool = RayBuilder(agents), RayDevicePool(agents)
            evaluator = RayEvaluator(pool, version="1")
            done = await asyncio.gather(*(judged(builder, pool, evaluator, turn) for turn in (1, 2, 3)))
            cluster.remove_node(second)
            faults = []
            for turn in range(4, 12):
                try:
                    await judged(builder, pool, evaluator, turn)
                except Fault as fault:
                    faults.append(fault)
                    continue
                if faults:
                    break
            return len(agents.stations), done, faults, turn

    count, done, faults, turn = asyncio.run(asyncio.wait_for(scenario(), timeout=400))

    assert 2 == count
    assert [Verdict.PASSED] * 3 == [evaluated.evaluation.verdict for evaluated, _ in done]
    assert 1 <= len(faults) <= 3
    assert {("device", False)} == {(fault.kind, fault.permanent) for fault in faults}
    assert turn < 11
    grants = [entry.token for entry in journal.entries(locks) if entry.what is What.GRANT]
    assert sorted(set(grants)) == grants
    lease = None if is_held("cpu:0", folder=locks) else try_lease("cpu:0", folder=locks)
    if lease is not None:
        lease.end()
