"""Builds and evaluations on the nodes of an existing Ray cluster; the log stays with the driver.

Ray decides where an agent runs and keeps it there: one for each device that the cluster offers. An agent
is an actor with a process of its own beside it (`caesar.cli.agent`), which owns that node's machinery
as a run on the node itself would: its sandbox, its cache of builds and its lock folder, so that local
runs and Ray runs never share a device by accident. What it says is decoded into closed types.

An actor and not a task, because a task that asks for a GPU gets a fresh process each time: candidates
have processes of their own already, and a new zygote for each would cost seconds. A lost node is a
fault; its agent is started anew wherever Ray finds the room, and the request is tried again.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

import msgspec

from caesar.devices.orders import Actor, Answer, Order
from caesar.devices.pool import not_held
from caesar.effects import Build, Built, Condition, Evaluate, Evaluated, Grant
from caesar.engine.grouping import Grouping
from caesar.errors import Fault, UsageError

__all__ = ["RayBuilder", "RayCluster", "RayDevicePool", "RayEvaluator", "connect"]


@dataclass(slots=True)
class _Station:
    """One agent as the driver sees it."""

    number: int
    node: str | None
    """The node that it is for; None where Ray finds it a GPU."""
    actor: Any = None
    grouping: Grouping = field(default_factory=Grouping)
    busy: bool = False


class RayCluster:
    """The agents of a cluster, one for each device; an async context manager that ends them."""

    def __init__(self, ray: Any, command: Sequence[str], environ: Mapping[str, str], *, gpus: bool) -> None:
        self._ray = ray
        self._command = tuple(command)
        self._environ = dict(environ)
        nodes = self._gpus() if gpus else self._nodes()
        self.stations = [_Station(number, node) for number, node in enumerate(nodes)]
        for station in self.stations:
            station.actor = self._actor(station)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for station in self.stations:
            self._ray.kill(station.actor)

    async def ask(self, station: _Station, order: Order, *, of: Any = None) -> Answer:
        """An agent's answer; a Fault where it has one, or where it was lost: another takes its place.

        With `of` only that agent is asked: one in its place does not hold what it held. Cancelling ends
        the agent with all that it does, since it may just be doing what was asked.
        """
        actor = station.actor
        if of is not None and of is not actor:
            raise Fault("device", "an agent of the Ray cluster was lost, and what it held with it")
        try:
            said = await actor.ask.remote(msgspec.json.encode(order))
        except asyncio.CancelledError:
            self._replace(station, actor)
            raise
        except self._ray.exceptions.RayError as error:
            self._replace(station, actor)
            raise Fault("device", f"an agent of the Ray cluster was lost: {_why(error)}") from error
        answer = msgspec.json.decode(said, type=Answer)
        if answer.fault is not None:
            kind, message, permanent = answer.fault
            raise Fault(kind, message, permanent=permanent)
        return answer

    def _replace(self, station: _Station, lost: Any) -> None:
        """Start another agent, unless one who asked the lost one too has done so already."""
        if station.actor is lost:
            self._ray.kill(lost)
            station.actor = self._actor(station)

    def _gpus(self) -> list[str | None]:
        return [None] * int(self._ray.cluster_resources().get("GPU", 0))

    def _nodes(self) -> list[str | None]:
        return [node["NodeID"] for node in self._ray.nodes() if node["Alive"]]

    def _actor(self, station: _Station) -> Any:
        """An agent, placed by Ray: where a GPU is free, or on its node, and elsewhere once that is lost."""
        options: dict[str, Any] = {"num_cpus": 0, "max_concurrency": 64, "max_restarts": 0}
        if station.node is None:
            options["num_gpus"] = 1
        elif station.node in self._nodes():
            by_node = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
            options["scheduling_strategy"] = by_node(station.node, soft=False)
        else:
            options["scheduling_strategy"] = "SPREAD"
        return self._ray.remote(Actor).options(**options).remote(self._command, self._environ)


class RayBuilder:
    """Builds on the agents' nodes, in turn."""

    def __init__(self, cluster: RayCluster) -> None:
        self._cluster = cluster
        self._turns = itertools.cycle(cluster.stations)

    async def build(self, build: Build) -> Built:
        """The build's outcome on one node; others build the candidate when they evaluate it."""
        answer = await self._cluster.ask(next(self._turns), Order(0, "build", build=build))
        assert answer.built is not None
        return answer.built


@dataclass(frozen=True, slots=True)
class _Held:
    """Who holds a grant: an agent that takes the lost one's place does not."""

    station: _Station
    agent: Any


class RayDevicePool:
    """The agents' devices, given in the order in which they were asked for, like work after like."""

    def __init__(self, cluster: RayCluster) -> None:
        self._cluster = cluster
        self._waiting: list[tuple[str, asyncio.Future[_Station]]] = []
        self._held: dict[tuple[str, int], _Held] = {}

    async def acquire(self, request: str, *, affinity: str = "") -> Grant:
        """A device of a node, under that node's own lock; cancelling gives the place up."""
        place: asyncio.Future[_Station] = asyncio.get_running_loop().create_future()
        self._waiting.append((affinity, place))
        self._match()
        began = asyncio.get_running_loop().time()
        try:
            station = await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._free(place.result())
            raise
        agent = station.actor
        answer = await self._asked(station, Order(0, "acquire", request, affinity))
        assert answer.grant is not None
        waited_s = asyncio.get_running_loop().time() - began
        grant = replace(answer.grant, device=_named(answer.grant.device, station), waited_s=waited_s)
        self._held[grant.device, grant.token] = _Held(station, agent)
        return grant

    async def release(self, grant: Grant, *, condition: Condition = Condition.SOUND) -> float:
        """Give it back to its node; a Fault where the node was lost with it."""
        held = self._held.pop((grant.device, grant.token), None)
        if held is None:
            raise not_held(grant)
        try:
            order = Order(0, "release", grant=_on_its_node(grant), condition=condition)
            answer = await self._cluster.ask(held.station, order, of=held.agent)
        finally:
            self._free(held.station)
        assert answer.held_s is not None
        return answer.held_s

    async def ask_holder(self, grant: Grant, order: Order) -> Answer:
        """The answer of the agent that holds a grant; a Fault where it was lost."""
        held = self._held[grant.device, grant.token]
        return await self._cluster.ask(held.station, order, of=held.agent)

    async def _asked(self, station: _Station, order: Order) -> Answer:
        """The answer of a station that is free again where there is none; ended where nobody waits for it."""
        answered = False
        try:
            answer = await self._cluster.ask(station, order)
            answered = True
        finally:
            if not answered:
                self._free(station)
        return answer

    def _free(self, station: _Station) -> None:
        station.busy = False
        self._match()

    def _match(self) -> None:
        self._waiting = [waiter for waiter in self._waiting if not waiter[1].cancelled()]
        idle = [station for station in self._cluster.stations if not station.busy]
        while self._waiting and idle:
            affinities = [affinity for affinity, _ in self._waiting]
            station = min(idle, key=lambda each: each.grouping.affinity != affinities[0])
            idle.remove(station)
            now_s = asyncio.get_running_loop().time()
            _, place = self._waiting.pop(station.grouping.choose(affinities, now_s=now_s))
            station.busy = True
            place.set_result(station)


class RayEvaluator:
    """Judges candidates where their device was granted."""

    def __init__(self, devices: RayDevicePool, *, version: str) -> None:
        self._devices = devices
        self._version = version

    @property
    def version(self) -> str:
        """The driver's; its agents run the same Caesar."""
        return self._version

    async def evaluate(self, evaluate: Evaluate, grant: Grant) -> Evaluated:
        """The evaluation, on the node of the grant, which builds the candidate first if it has not yet."""
        order = Order(
            0,
            "evaluate",
            evaluate=evaluate,
            build=_build_of(evaluate),
            grant=_on_its_node(grant),
        )
        answer = await self._devices.ask_holder(grant, order)
        assert answer.evaluated is not None
        return answer.evaluated


def connect(command: Sequence[str], environ: Mapping[str, str], *, gpus: bool) -> RayCluster:
    """The agents of the cluster that RAY_ADDRESS names, or that runs here; UsageError where there is none.

    `command` starts an agent's process on a node, in `environ`, which must hold no secret.
    """
    try:
        import ray  # noqa: PLC0415 - an extra of 200 MB
    except ImportError as error:
        raise UsageError("--devices ray needs the package ray: pip install caesar[ray]") from error
    try:
        if not ray.is_initialized():
            ray.init(address="auto", logging_level=logging.WARNING, log_to_driver=False)
    except ConnectionError as error:
        raise UsageError("no Ray cluster is running here; name one with RAY_ADDRESS, or `ray start`") from error
    cluster = RayCluster(ray, command, environ, gpus=gpus)
    if not cluster.stations:
        raise UsageError("the Ray cluster has no device for this backend")
    return cluster


def _build_of(evaluate: Evaluate) -> Build:
    """The build of a candidate that is evaluated; the problem is part of what makes two builds the same."""
    return Build(
        evaluate.request, evaluate.candidate, evaluate.backend, evaluate.limits, problem=evaluate.problem
    )


def _named(device: str, station: _Station) -> str:
    """A device's name among all nodes: a GPU's is unique, every node has a cpu:0."""
    return f"{device}@{station.number}" if device.startswith("cpu:") else device


def _on_its_node(grant: Grant) -> Grant:
    return replace(grant, device=grant.device.partition("@")[0])


def _why(error: Exception) -> str:
    """In one line; what the actor itself raised, where it did."""
    raised = getattr(error, "cause", None)
    return str(raised if isinstance(raised, Exception) else error).strip().partition("\n")[0][:300]
