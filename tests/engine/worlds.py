"""A whole world of fakes around the real engine: no file, no process, no waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from caesar.builders.scripted import ScriptedBuilder
from caesar.devices.fake import MemoryDevicePool
from caesar.domain import Problem
from caesar.effects import Backend, Generate, Generated
from caesar.engine.clock import ManualClock
from caesar.engine.fork import origins
from caesar.engine.lanes import Capacity, Lanes
from caesar.engine.plan import Configuration, Run, extension, fold_run, members, started
from caesar.engine.scheduler import RunStream, Tally, run_all
from caesar.engine.world import World
from caesar.errors import StoreError
from caesar.evaluators.scripted import ScriptedEvaluator
from caesar.events import Envelope, RunForked, RunResumed
from caesar.fsm.machine import compile_machine
from caesar.fsm.spec import Spec, load
from caesar.fsm.trajectory import Trajectory, fold
from caesar.models.scripted import ScriptedModel
from caesar.ports import Append, EventLog, Model
from caesar.prompts.render import Templates, shipped
from caesar.stores.memory import MemoryEventLog

SPEC = """
caesar: 1
name: fake
problems: {suite: starter}
model: {name: scripted}
budget: {turns: 3}
context: {history: last, show: [candidate, build_log, verdict, runtime]}
"""

SOURCE = "class Model: ...\ndef get_inputs(): ...\ndef get_init_inputs(): ...\n"


def completion(marker: str = "", *, name: str = "v") -> str:
    """A completion whose candidate makes the scripted builder and evaluator say what the marker says."""
    return f"Here it is.\n```python\n# caesar: {marker or 'passed'}\n# {name}\nclass ModelNew: ...\n```\n"


NO_CODE = "I would rather not."
STORY = (completion("build_failed"), completion("incorrect"), completion("passed"))


@dataclass
class Setup:
    """What a test varies; `run` may be called again, which continues the run."""

    spec: Spec = field(default_factory=lambda: load(SPEC, file="fake.yaml"))
    problems: tuple[Problem, ...] = (
        Problem("starter", "1", "one", SOURCE),
        Problem("starter", "2", "two", SOURCE),
    )
    clock: ManualClock = field(default_factory=ManualClock)
    log: EventLog | None = None
    completions: Sequence[str] = STORY
    model: Model | None = None
    builder: ScriptedBuilder = field(default_factory=ScriptedBuilder)
    evaluator: ScriptedEvaluator = field(default_factory=ScriptedEvaluator)
    seen: list[Envelope] = field(default_factory=list)
    evaluator_version: str = "1"
    device_name: str = "a device"

    def __post_init__(self) -> None:
        self.log = self.log or MemoryEventLog(self.clock.now_us)

    def configuration(self) -> Configuration:
        return Configuration(
            "fake",
            "group",
            self.spec,
            self.problems,
            shipped(),
            self.evaluator_version,
            "0.1.0",
            self.device_name,
        )

    def world(self) -> World:
        assert self.log is not None
        return World(
            log=self.log,
            model=self.model or ScriptedModel(self.completions),
            builder=self.builder,
            evaluator=self.evaluator,
            devices=MemoryDevicePool(1),
            clock=self.clock,
            spec=self.spec,
            machine=compile_machine(self.spec),
            templates=Templates(shipped()),
            problems={problem.id: problem for problem in self.problems},
            backend=Backend.CPU,
            lanes=Lanes(4, *(Capacity(4).share(1) for _ in range(3))),
            device_name=self.device_name,
            observe=self.seen.append,
        )

    def run(self) -> Tally:
        return asyncio.run(self.run_in(self.world()))

    async def run_in(self, world: World) -> Tally:
        assert self.log is not None
        run, stream = await taken_up(self.configuration(), self.log)
        return await run_all(world, run, members(run, seed=self.spec.seed), stream=stream)

    def trajectory(self, problem: str = "1", sample: int = 0) -> Trajectory:
        assert self.log is not None
        stream = f"RUN/{problem}/{sample}"
        return fold(stream, self.log.read(stream))

    def kinds(self, problem: str = "1") -> list[str]:
        assert self.log is not None
        return [envelope.kind for envelope in self.log.read(f"RUN/{problem}/0")]


async def taken_up(configuration: Configuration, log: EventLog) -> tuple[Run, RunStream]:
    envelopes = log.read("RUN")
    stream = RunStream(log, "RUN", version=len(envelopes))
    if not envelopes:
        texts = (configuration.spec_text, *configuration.templates.values(), SOURCE)
        await stream.append(started(configuration, run="RUN"), texts=texts)
    else:
        run = fold_run(envelopes)
        more = extension(run, configuration, pinned_spec=log.texts([run.spec])[run.spec])
        resumed = RunResumed("0.1.0", configuration.device_name)
        events = (resumed,) if more is None else (more, resumed)
        await stream.append(*events, texts=(configuration.spec_text,))
    return fold_run(log.read("RUN")), stream


class CrashError(StoreError):
    """What a store raises from the moment its process is to have died."""


class CrashingLog:
    """A log in front of another, which stops taking events after so many."""

    def __init__(self, inner: EventLog, *, appends: int) -> None:
        self._inner = inner
        self._left = appends

    async def append(self, append: Append) -> tuple[Envelope, ...]:
        if self._left == 0:
            raise CrashError("the process died here")
        self._left -= 1
        return await self._inner.append(append)

    def read(self, stream: str, *, upto: int | None = None) -> tuple[Envelope, ...]:
        return self._inner.read(stream, upto=upto)

    def streams(self, prefix: str = "") -> tuple[str, ...]:
        return self._inner.streams(prefix)

    def texts(self, digests: Sequence[str]) -> Mapping[str, str]:
        return self._inner.texts(digests)


class FaultyModel:
    """Raises what it is given, call by call, then completes like the model behind it."""

    def __init__(self, *failures: Exception, then: Model) -> None:
        self._failures = list(failures)
        self._then = then
        self.calls = 0
        self.provenance = None

    def preflight(self) -> None:
        """Nothing to check."""

    async def generate(self, generate: Generate) -> Generated:
        self.calls += 1
        if self._failures:
            raise self._failures.pop(0)
        return await self._then.generate(generate)


def with_turns(spec: Spec, turns: int | None) -> Spec:
    return replace(spec, budget=replace(spec.budget, turns=turns))


ALL = [("1", 0), ("2", 0)]
"""The trajectories of a setup's run, by problem and sample."""


def forked(setup, *, turn=1, spec=None, samples=1, run="FORK", parent="RUN", appends=None):
    """Fork every trajectory of a run, or take the fork up again; how it stands."""
    log = setup.log if appends is None else CrashingLog(setup.log, appends=appends)
    return asyncio.run(_forked(setup, log, turn=turn, spec=spec, samples=samples, run=run, parent=parent))


async def _forked(setup, log, *, turn, spec, samples, run, parent):
    begun = origins(log.read, fold_run(log.read(parent)), ALL, turn=turn, samples=samples)
    configuration = replace(
        setup.configuration(),
        name=run,
        spec=replace(spec or setup.spec, samples=samples),
        forked=RunForked(parent, begun),
    )
    envelopes = log.read(run)
    stream = RunStream(log, run, version=len(envelopes))
    opening = (started(configuration, run=run), configuration.forked)
    texts = (configuration.spec_text,)
    await stream.append(*((RunResumed("0"),) if envelopes else opening), texts=texts)
    world = replace(setup.world(), log=log, spec=configuration.spec)
    found = fold_run(log.read(run))
    return await run_all(world, found, members(found, seed=0), stream=stream)
