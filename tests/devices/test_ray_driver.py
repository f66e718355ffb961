"""The driver's side of a Ray cluster, with a made-up Ray; test_ray.py has a real one."""

import asyncio
import sys
from types import SimpleNamespace

import msgspec
import pytest

from caesar.devices.orders import Actor, Answer, Order, agent_environment
from caesar.devices.ray import RayBuilder, RayCluster, RayDevicePool, RayEvaluator
from caesar.domain import BuildOutcome, Candidate, Problem
from caesar.effects import (
    Backend,
    Build,
    Built,
    Condition,
    Evaluate,
    EvaluationSettings,
    Grant,
    Limits,
    Request,
)
from caesar.errors import Fault

PROBLEM = Problem("test", "1", "add", "class Model: ...")
CANDIDATE = Candidate("class ModelNew: ...")
REQUEST = Request("RUN/1/0", 1, 0, "evaluate")
EVALUATE = Evaluate(REQUEST, PROBLEM, CANDIDATE, "artifact", Backend.CPU, EvaluationSettings(), Limits())
BUILD = Build(REQUEST, CANDIDATE, Backend.CPU, Limits(), problem=PROBLEM)


class RayError(Exception):
    """What the made-up Ray raises of an actor that was lost."""


class FakeActor:
    """Answers as told, until it is killed or lost."""

    def __init__(self, ray):
        self.ray = ray
        self.orders = []
        self.lost = False
        self.ask = SimpleNamespace(remote=self._ask)

    async def _ask(self, said):
        order = msgspec.json.decode(said, type=Order)
        self.orders.append(order)
        await asyncio.sleep(0)
        if self.lost:
            raise RayError("The actor died.\nIts node did.")
        return msgspec.json.encode(self.ray.answer(order))


class FakeRay:
    """As much of the package as the driver uses."""

    exceptions = SimpleNamespace(RayError=RayError)
    util = SimpleNamespace(
        scheduling_strategies=SimpleNamespace(
            NodeAffinitySchedulingStrategy=lambda node, *, soft: ("on", node, soft)
        )
    )

    def __init__(self, *nodes):
        self.alive = list(nodes)
        self.actors = []
        self.placed = []
        self.killed = []
        self.tokens = 0

    def nodes(self):
        return [{"NodeID": node, "Alive": True} for node in self.alive]

    def cluster_resources(self):
        return {"GPU": 2.0}

    def remote(self, kind):
        return SimpleNamespace(options=lambda **options: SimpleNamespace(remote=self._started(options)))

    def kill(self, actor):
        self.killed.append(actor)

    def answer(self, order):
        match order.do:
            case "build":
                return Answer(order.id, built=Built(BuildOutcome.BUILT, "a", "", 0.0))
            case "acquire":
                self.tokens += 1
                return Answer(order.id, grant=Grant("cpu:0", self.tokens, 0.0))
            case "release":
                return Answer(order.id, held_s=2.0)
        return Answer(order.id, fault=("evaluator", "not here", False))

    def _started(self, options):
        def start(command, environ):
            self.placed.append(options.get("scheduling_strategy", options.get("num_gpus")))
            self.actors.append(FakeActor(self))
            return self.actors[-1]

        return start


def cluster_of(ray, *, gpus=False):
    return RayCluster(ray, ("agent",), {}, gpus=gpus)


def test_without_gpus_every_node_has_an_agent_which_goes_elsewhere_only_once_that_is_lost():
    ray = FakeRay("a", "b")
    builder = RayBuilder(cluster_of(ray))

    ray.alive = ["b"]
    for actor in tuple(ray.actors):
        actor.lost = True
        with pytest.raises(Fault):
            asyncio.run(builder.build(BUILD))

    on_a, on_b = ("on", "a", False), ("on", "b", False)
    assert [on_a, on_b, "SPREAD", on_b] == ray.placed


def test_every_gpu_has_an_agent_wherever_ray_finds_it():
    ray = FakeRay("a")

    cluster_of(ray, gpus=True)

    assert [1, 1] == ray.placed


def test_a_candidate_is_built_for_its_evaluation_as_it_was_built_before():
    ray = FakeRay("a")
    cluster = cluster_of(ray)
    pool = RayDevicePool(cluster)

    async def scenario():
        await RayBuilder(cluster).build(BUILD)
        grant = await pool.acquire("r")
        with pytest.raises(Fault, match="not here"):
            await RayEvaluator(pool, version="1").evaluate(EVALUATE, grant)

    asyncio.run(scenario())

    (actor,) = ray.actors
    before, _, evaluated = actor.orders
    assert before.build == evaluated.build


def test_a_lost_agent_is_replaced_once_however_many_had_asked_it():
    ray = FakeRay("a")
    cluster = cluster_of(ray)
    ray.actors[0].lost = True

    async def scenario():
        builds = [RayBuilder(cluster).build(BUILD) for _ in range(3)]
        return await asyncio.gather(*builds, return_exceptions=True)

    ends = asyncio.run(scenario())

    assert 3 * ["an agent of the Ray cluster was lost: The actor died."] == list(map(str, ends))
    assert 2 == len(ray.actors)
    assert ray.actors[1] is cluster.stations[0].actor
    assert ray.actors[:1] == ray.killed


def test_cancelling_ends_the_agent_that_was_asked_and_not_the_one_in_its_place():
    ray = FakeRay("a")
    cluster = cluster_of(ray)

    async def scenario():
        builds = [asyncio.create_task(RayBuilder(cluster).build(BUILD)) for _ in range(2)]
        await asyncio.sleep(0)
        for build in builds:
            build.cancel()
        await asyncio.gather(*builds, return_exceptions=True)

    asyncio.run(scenario())

    assert ray.actors[:1] == ray.killed
    assert 2 == len(ray.actors)


@pytest.mark.parametrize("does", ["evaluate", "release"])
def test_what_a_lost_agent_held_is_not_asked_of_the_one_in_its_place(does):
    ray = FakeRay("a")
    cluster = cluster_of(ray)
    pool = RayDevicePool(cluster)

    async def scenario():
        grant = await pool.acquire("r")
        ray.actors[0].lost = True
        with pytest.raises(Fault):
            await RayBuilder(cluster).build(BUILD)
        asked = (
            pool.release(grant, condition=Condition.HUNG)
            if does == "release"
            else RayEvaluator(pool, version="1").evaluate(EVALUATE, grant)
        )
        with pytest.raises(Fault, match="was lost, and what it held with it") as caught:
            await asked
        return caught.value.permanent

    assert not asyncio.run(scenario())
    assert [] == ray.actors[1].orders


def test_after_a_loss_the_place_is_granted_again():
    ray = FakeRay("a")
    pool = RayDevicePool(cluster_of(ray))

    async def scenario():
        grant = await pool.acquire("r")
        ray.actors[0].lost = True
        with pytest.raises(Fault):
            await pool.release(grant)
        async with asyncio.timeout(5):
            return await pool.release(await pool.acquire("next"))

    assert 2.0 == asyncio.run(scenario())


def test_what_is_not_held_cannot_be_given_back():
    pool = RayDevicePool(cluster_of(FakeRay("a")))

    with pytest.raises(Fault, match="device cpu:0@0 is not held under token 7: it was given back") as caught:
        asyncio.run(pool.release(Grant("cpu:0@0", 7, 0.0)))

    assert caught.value.permanent


@pytest.mark.parametrize(
    ("drivers", "actors", "expected"),
    [
        ({"A": "1", "CUDA_VISIBLE_DEVICES": "3"}, {"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "0"}),
        ({"A": "1", "CUDA_VISIBLE_DEVICES": "3"}, {"B": "2"}, {}),
        ({"A": "1"}, {"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "0"}),
    ],
)
def test_an_agent_sees_the_gpus_that_ray_gave_its_actor_and_never_the_drivers(drivers, actors, expected):
    assert {"A": "1", **expected} == agent_environment(drivers, actors)


def test_an_actor_whose_process_ended_says_so_to_all_who_asked_and_starts_no_other():
    reads_one_and_ends = "import sys; sys.stdin.readline(); sys.exit(3)"

    async def scenario():
        actor = Actor((sys.executable, "-c", reads_one_and_ends), {})
        order = msgspec.json.encode(Order(0, "acquire"))
        together = await asyncio.gather(*(actor.ask(order) for _ in range(2)), return_exceptions=True)
        afterwards = await asyncio.gather(actor.ask(order), return_exceptions=True)
        return [*together, *afterwards]

    assert 3 * ["the agent's process ended with status 3"] == list(map(str, asyncio.run(scenario())))


def test_an_actor_gives_each_its_own_answer():
    turns_round = (
        "import json, sys\n"
        "asked = [json.loads(sys.stdin.readline()) for _ in range(2)]\n"
        "for order in reversed(asked):\n"
        "    print(json.dumps({'id': order['id'], 'held_s': float(order['request'])}), flush=True)\n"
    )

    async def scenario():
        actor = Actor((sys.executable, "-c", turns_round), {})
        orders = (msgspec.json.encode(Order(0, "release", request=held)) for held in ("1", "2"))
        answers = await asyncio.gather(*map(actor.ask, orders))
        await actor._reading  # until its process has ended
        return answers

    said = asyncio.run(scenario())

    assert [1.0, 2.0] == [msgspec.json.decode(each, type=Answer).held_s for each in said]
