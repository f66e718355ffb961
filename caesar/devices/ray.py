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
from typing import Any, Literal, Self

import msgspec

from caesar.effects import Build, Built, Condition, Evaluate, Evaluated, Grant
from caesar.engine.grouping import Grouping
from caesar.errors import Fault, UsageError

__all__ = ["Answer", "Order", "RayBuilder", "RayCluster", "RayDevicePool", "RayEvaluator", "connect"]

_LINE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Order:
    """What a driver asks of an agent: one JSON object a line."""

    id: int
    do: Literal["build", "acquire", "evaluate", "release"]
    request: str = ""
    affinity: str = ""
    build: Build | None = None
    evaluate: Evaluate | None = None
    grant: Grant | None = None
    condition: Condition = Condition.SOUND


@dataclass(frozen=True, slots=True)
class Answer:
    """What an agent says to an order: one of the fields, or a fault."""

    id: int
    built: Built | None = None
    grant: Grant | None = None
    evaluated: Evaluated | None = None
    held_s: float | None = None
    fault: tuple[str, str, bool] | None = None
    """Kind, message, and whether it is permanent."""


class _Agent:
    """The actor: a process beside it, and orders to that by number."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self._command = command
        self._environ = environ
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._open: dict[int, asyncio.Future[bytes]] = {}
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()

    async def ask(self, order: bytes) -> bytes:
        """The answer to an order; its number is this actor's to give."""
        process = await self._started()
        assert process.stdin is not None
        number = next(self._numbers)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._open[number] = answer
        fields = {**msgspec.json.decode(order), "id": number}
        process.stdin.write(msgspec.json.encode(fields) + b"\n")
        return await answer

    async def _started(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, env=dict(self._environ), limit=_LINE_BYTES,
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                )  # fmt: skip
                self._reading = asyncio.create_task(self._read(self._process))
            return self._process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            number = msgspec.json.decode(line)["id"]
            self._open.pop(number).set_result(line)
        self._process = None
        for number, answer in self._open.items():
            ended = Answer(number, fault=("device", "the agent's process ended", False))
            answer.set_result(msgspec.json.encode(ended))
        self._open.clear()


@dataclass(slots=True)
class _Station:
    """One agent as the driver sees it."""

    number: int
    actor: Any
    grouping: Grouping = field(default_factory=Grouping)
    busy: bool = False


class RayCluster:
    """The agents of a cluster, one for each device; an async context manager that ends them."""

    def __init__(self, ray: Any, command: Sequence[str], environ: Mapping[str, str], *, gpus: bool) -> None:
        self._ray = ray
        self._command = tuple(command)
        self._environ = dict(environ)
        self._gpus = gpus
        self.stations = [_Station(number, self._actor()) for number in range(self._count())]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for station in self.stations:
            self._ray.kill(station.actor)

    async def ask(self, station: _Station, order: Order) -> Answer:
        """An agent's answer; a Fault where it has one, or where its node was lost: another takes its place.

        Cancelling ends the agent with all that it does, since it may just be doing what was asked.
        """
        try:
            said = await station.actor.ask.remote(msgspec.json.encode(order))
        except asyncio.CancelledError:
            self._ray.kill(station.actor)
            station.actor = self._actor()
            raise
        except self._ray.exceptions.RayError as error:
            station.actor = self._actor()
            raise Fault("device", f"a node of the Ray cluster was lost: {_first_line(error)}") from error
        answer = msgspec.json.decode(said, type=Answer)
        if answer.fault is not None:
            kind, message, permanent = answer.fault
            raise Fault(kind, message, permanent=permanent)
        return answer

    def _count(self) -> int:
        """One for each GPU; without GPUs one for each node, which has one CPU slot."""
        if self._gpus:
            return int(self._ray.cluster_resources().get("GPU", 0))
        return sum(node["Alive"] for node in self._ray.nodes())

    def _actor(self) -> Any:
        """An agent, placed by Ray: where a GPU is free, else on another node than the rest if it can be."""
        options: dict[str, Any] = {"num_cpus": 0, "max_concurrency": 64, "max_restarts": 0}
        options |= {"num_gpus": 1} if self._gpus else {"scheduling_strategy": "SPREAD"}
        return self._ray.remote(_Agent).options(**options).remote(self._command, self._environ)


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


class RayDevicePool:
    """The agents' devices, given in the order in which they were asked for, like work after like."""

    def __init__(self, cluster: RayCluster) -> None:
        self._cluster = cluster
        self._waiting: list[tuple[str, asyncio.Future[_Station]]] = []
        self._held: dict[tuple[str, int], _Station] = {}

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
        answer = await self._asked(station, Order(0, "acquire", request, affinity))
        assert answer.grant is not None
        waited_s = asyncio.get_running_loop().time() - began
        grant = replace(answer.grant, device=_named(answer.grant.device, station), waited_s=waited_s)
        self._held[grant.device, grant.token] = station
        return grant

    async def release(self, grant: Grant, *, condition: Condition = Condition.SOUND) -> float:
        """Give it back to its node; a Fault where the node was lost with it."""
        station = self._held.pop((grant.device, grant.token), None)
        if station is None:
            raise Fault(
                "device", f"device {grant.device} is not held under token {grant.token}", permanent=True
            )
        try:
            order = Order(0, "release", grant=_on_its_node(grant), condition=condition)
            answer = await self._cluster.ask(station, order)
        finally:
            self._free(station)
        assert answer.held_s is not None
        return answer.held_s

    def holder(self, grant: Grant) -> _Station:
        """The agent that holds a grant."""
        return self._held[grant.device, grant.token]

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

    def __init__(self, cluster: RayCluster, devices: RayDevicePool, *, version: str) -> None:
        self._cluster = cluster
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
            build=Build(evaluate.request, evaluate.candidate, evaluate.backend, evaluate.limits),
            grant=_on_its_node(grant),
        )
        answer = await self._cluster.ask(self._devices.holder(grant), order)
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


def _named(device: str, station: _Station) -> str:
    """A device's name among all nodes: a GPU's is unique, every node has a cpu:0."""
    return f"{device}@{station.number}" if device.startswith("cpu:") else device


def _on_its_node(grant: Grant) -> Grant:
    return replace(grant, device=grant.device.partition("@")[0])


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
