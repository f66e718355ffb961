"""SIGKILL to a process of an evaluation at any instant: no orphan, no lost device, no wrong verdict."""

import asyncio
import os
import random
import signal
import time
from contextlib import asynccontextmanager, suppress

import pytest
from evaluation_cases import CANDIDATE, GRANT, evaluation_of, returning
from process_cases import descendants, working_in

from caesar.domain import Verdict
from caesar.errors import Fault
from caesar.evaluators.local import LocalEvaluator
from caesar.sandbox.zygote import Zygote

pytestmark = pytest.mark.slow

LONGEST_S = 1.5
"""What an evaluation of these takes on a busy machine: a later kill would meet nothing."""

EXPECTED = {CANDIDATE: Verdict.PASSED, returning("self.linear(x)"): Verdict.INCORRECT}
KILLED = (Verdict.CRASHED, "signal:9")


@asynccontextmanager
async def machinery(folder):
    """A zygote and an evaluator; nothing of theirs is left afterwards."""
    zygote = Zygote(preload=("torch", "caesar.evaluators.judge", "caesar.evaluators.candidate"))
    async with zygote:
        evaluator = LocalEvaluator(zygote=zygote, scratch=folder, device_names={})
        try:
            yield zygote, evaluator
        finally:
            await evaluator.close()


async def outcome(evaluator, candidate):
    """A verdict with its reason, or None where there was a fault."""
    try:
        evaluated = await evaluator.evaluate(evaluation_of(candidate), GRANT)
    except Fault as fault:
        return None if not fault.permanent else ("a fault for good", str(fault))
    return evaluated.evaluation.verdict, evaluated.evaluation.reason


async def kill(victim, zygote, folder, *, after_s):
    """Kill whoever plays that part then; nobody, if nobody does."""
    await asyncio.sleep(after_s)
    pids = {
        "zygote": [zygote._process._popen.pid],
        "judge": working_in(folder, "judge-*"),
        "candidate": working_in(folder, "evaluation-*"),
    }[victim]
    for pid in pids[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def rounds(folder, *, seed, victim, count):
    """What came of each candidate, and what of the next one on the same device, a fault tried again."""
    chance = random.Random(seed)
    seen = []
    async with machinery(folder) as (zygote, evaluator):
        await outcome(evaluator, CANDIDATE)
        for _ in range(count):
            candidate = chance.choice(list(EXPECTED))
            killing = asyncio.create_task(kill(victim, zygote, folder, after_s=chance.uniform(0, LONGEST_S)))
            got = await outcome(evaluator, candidate)
            await killing
            following = await outcome(evaluator, candidate) or await outcome(evaluator, candidate)
            seen.append((candidate, got, following))
    return seen


@pytest.mark.parametrize(("victim", "count"), [("zygote", 4), ("judge", 8), ("candidate", 8)])
def test_killing_a_process_at_any_instant_never_makes_a_wrong_verdict(tmp_path, victim, count):
    seen = asyncio.run(rounds(tmp_path, seed=f"{victim} 7", victim=victim, count=count))

    for candidate, got, following in seen:
        allowed = {None, EXPECTED[candidate]} | ({KILLED[0]} if victim == "candidate" else set())
        assert (got and got[0]) in allowed
        assert got is None or got[0] is not KILLED[0] or got == KILLED
        assert following
        assert following[0] is EXPECTED[candidate]
    assert [] == list(tmp_path.iterdir())
    assert [] == left_of(working_in(tmp_path, "*"))


def left_of(pids, *, within_s=10.0):
    """Which of the processes are still there after a while."""
    deadline = time.monotonic() + within_s
    while set(pids) & set(descendants()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return sorted(set(pids) & set(descendants()))
