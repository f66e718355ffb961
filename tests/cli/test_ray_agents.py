"""What `--devices ray` refuses, what its agents are told, and what an agent says that can't work."""

import asyncio
import subprocess
import sys
from contextlib import asynccontextmanager
from types import SimpleNamespace

import msgspec
import pytest

from caesar.cli import cluster
from caesar.cli.cluster import is_ray, ray_machinery
from caesar.devices.orders import Answer, Order
from caesar.effects import Backend, Isolation, JudgeKind
from caesar.errors import UsageError


@pytest.mark.parametrize(("names", "expected"), [((), False), (("cpu:0",), False), (("ray",), True)])
def test_ray_is_meant_where_it_is_named(names, expected):
    assert expected is is_ray(names, judge=JudgeKind.CAESAR, exclusive=False)


@pytest.mark.parametrize(
    ("names", "judge", "exclusive", "message"),
    [
        (("ray", "cpu:0"), JudgeKind.CAESAR, False, "--devices ray stands alone"),
        (("ray",), JudgeKind.CAESAR, True, "--exclusive is for this machine's devices, .*: leave it out"),
        (("ray",), JudgeKind.BOTH, False, "judge both is not to be had with --devices ray: use judge caesar"),
        (("ray",), JudgeKind.KERNELBENCH, False, "judge kernelbench is not to be had with --devices ray"),
    ],
)
def test_what_agents_cannot_do_is_refused_with_what_to_do_instead(names, judge, exclusive, message):
    with pytest.raises(UsageError, match=message):
        is_ray(names, judge=judge, exclusive=exclusive)


def test_what_agents_cannot_do_is_allowed_on_this_machine():
    assert not is_ray((), judge=JudgeKind.BOTH, exclusive=True)


def test_agents_are_told_how_far_candidates_have_to_be_shut_in(monkeypatch):
    commands = []

    @asynccontextmanager
    async def opened():
        yield SimpleNamespace(stations=[])

    def connect(command, environ, *, gpus):
        commands.append(command)
        return opened()

    monkeypatch.setattr(cluster, "connect", connect)

    async def scenario():
        async with ray_machinery(Backend.CPU, isolation=Isolation.NAMESPACE, version="1"):
            pass

    asyncio.run(scenario())

    assert [(sys.executable, "-m", "caesar.cli.agent", "cpu", "namespace")] == commands


@pytest.mark.slow
def test_an_agent_that_cannot_work_says_to_every_order_why():
    orders = b"".join(msgspec.json.encode(Order(number, "acquire")) + b"\n" for number in (1, 2))

    said = subprocess.run(
        [sys.executable, "-m", "caesar.cli.agent", "cuda", "auto"],
        input=orders, capture_output=True, env={"CUDA_VISIBLE_DEVICES": ""}, check=True, timeout=60,
    ).stdout  # fmt: skip

    answers = [msgspec.json.decode(line, type=Answer) for line in said.splitlines()]
    assert [1, 2] == [answer.id for answer in answers]
    for answer in answers:
        kind, message, permanent = answer.fault
        assert ("device", True) == (kind, permanent)
        assert "a node of the Ray cluster can't be used: backend cuda needs a GPU" in message
