"""`caesar rescore`: KernelBench's judgement of a run's candidates, recorded in the run's own stream.

Trajectories are left as they are: their streams' heads are on record, and what a strategy did with
a verdict can't change any more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import msgspec

from caesar.cli.look import readable_trajectories, require_run
from caesar.cli.machinery import Machinery, choose_devices, kernelbench_for, machinery, on_a_device
from caesar.cli.output import emit_json, emit_table, note
from caesar.domain import Candidate, Evaluation, Problem, Verdict
from caesar.effects import Backend, Build, Built, Evaluate, Evaluated, JudgeKind, Request
from caesar.engine.clock import SystemClock
from caesar.engine.plan import Run
from caesar.engine.resume import pinned, pinned_problems
from caesar.engine.scheduler import RunStream
from caesar.errors import Fault, StoreError, UsageError
from caesar.events import CandidateRescored
from caesar.fsm.spec import Spec
from caesar.fsm.trajectory import Trajectory
from caesar.ports import EventLog
from caesar.stores.eventlog import SqliteEventLog

__all__ = ["RescoreOptions", "Target", "rescore_command", "rescored", "targets"]


@dataclass(frozen=True, slots=True)
class RescoreOptions:
    """The options of `caesar rescore`."""

    run: str
    judge: str
    every: bool
    again: bool
    devices: tuple[str, ...]
    kernelbench: Path | None
    store: Path
    json: bool


@dataclass(frozen=True, slots=True)
class Target:
    """A candidate to judge again, with what was said of it."""

    trajectory: str
    turn: int
    problem: Problem
    candidate: Candidate
    evaluation: Evaluation

    @property
    def request(self) -> Request:
        """A request of its own, which belongs to no action of the machine's."""
        return Request(self.trajectory, self.turn, slot=0, action="rescore")


class _Machine(Protocol):
    """What rescoring needs of builder, evaluator and devices."""

    async def build(self, build: Build) -> Built: ...
    async def evaluate(self, evaluate: Evaluate) -> Evaluated: ...


class _OnDevices:
    """The machinery, an evaluation a lease."""

    def __init__(self, machine: Machinery) -> None:
        self._machine = machine

    async def build(self, build: Build) -> Built:
        return await self._machine.builder.build(build)

    async def evaluate(self, evaluate: Evaluate) -> Evaluated:
        machine = self._machine
        return await on_a_device(
            machine.devices, evaluate.request.id, lambda grant: machine.evaluator.evaluate(evaluate, grant)
        )


def rescore_command(options: RescoreOptions) -> int:
    """Judge and record; 0 if every candidate could be judged, 1 if not."""
    if options.judge != JudgeKind.KERNELBENCH:
        raise UsageError(
            f"--judge {options.judge}: only kernelbench can rescore; a run's own judge is its spec's"
        )
    if not options.store.exists():
        raise UsageError(f"{options.store}: there is no store here; --store names another")
    clock = SystemClock()
    with SqliteEventLog.open(options.store, clock_us=clock.now_us) as log:
        run = require_run(log, options.run)
        with log.own(run.name):
            events, faults = asyncio.run(_rescore(options, log, require_run(log, run.id)))
    if options.json:
        emit_json({"run": run.name, "rescored": [_document(event) for event in events], "faults": faults})
    else:
        emit_table(
            ("trajectory", "turn", "ours", "KernelBench's", "ours (ms)", "theirs (ms)"), map(_row, events)
        )
    return 1 if faults else 0


async def _rescore(
    options: RescoreOptions, log: SqliteEventLog, run: Run
) -> tuple[list[CandidateRescored], int]:
    spec = pinned(run, log.texts).spec
    backend = spec.backend or Backend.CUDA
    if backend is Backend.CPU:
        raise UsageError(
            f"run {run.name} can't be rescored: its candidates are for the CPU,"
            " and KernelBench's evaluator takes a GPU"
        )
    installation = kernelbench_for(JudgeKind.KERNELBENCH, backend, root=options.kernelbench)
    assert installation is not None
    chosen = targets(log, run, every=options.every, version=None if options.again else installation.version)
    devices = choose_devices(backend, options.devices)
    stream = RunStream(log, run.id, version=run.version)
    events: list[CandidateRescored] = []
    faults = 0
    async with machinery(
        devices, backend, isolation=spec.evaluation.isolation, kernelbench=installation
    ) as machine:
        for target in chosen:
            note(f"{target.trajectory} turn {target.turn}")
            try:
                event = await rescored(_OnDevices(machine), target, spec=spec, backend=backend)
            except Fault as fault:
                note(f"{target.trajectory} turn {target.turn}: {fault}")
                faults += 1
                continue
            await stream.append(event)
            events.append(event)
    return events, faults


def targets(log: EventLog, run: Run, *, every: bool, version: str | None) -> tuple[Target, ...]:
    """The run's evaluated candidates, those that passed or every one, in order.

    Where a version is given, those that it has judged already are left out.
    """
    done = set(_rescored_by(log, run, version)) if version else set()
    problems = {problem.id: problem for problem in pinned_problems(run, log.texts)}
    trajectories = readable_trajectories(log, log.streams(f"{run.id}/"))
    found = [target for trajectory in trajectories for target in _of(log, trajectory, problems)]
    return tuple(
        target
        for target in found
        if (every or target.evaluation.timing is not None) and (target.trajectory, target.turn) not in done
    )


def _rescored_by(log: EventLog, run: Run, version: str) -> Iterator[tuple[str, int]]:
    for envelope in log.read(run.id):
        match envelope.event:
            case CandidateRescored(trajectory=trajectory, turn=turn, kernelbench=said) if (
                said.version == version
            ):
                yield trajectory, turn


def _of(log: EventLog, trajectory: Trajectory, problems: Mapping[str, Problem]) -> Iterator[Target]:
    """The evaluated candidates of the trajectory's own turns: a fork's shared ones are its parent's."""
    problem = problems[trajectory.problem]
    for turn in trajectory.turns[trajectory.shared :]:
        if turn.candidate is not None and turn.evaluation is not None:
            source = log.texts([turn.candidate])[turn.candidate]
            yield Target(trajectory.stream, turn.number, problem, Candidate(source), turn.evaluation)


async def rescored(machine: _Machine, target: Target, *, spec: Spec, backend: Backend) -> CandidateRescored:
    """The event that says what KernelBench says; Fault where it could not be asked."""
    request, limits = target.request, spec.limits
    asked = Build(request, target.candidate, backend=backend, limits=limits, problem=target.problem)
    built = await machine.build(asked)
    evaluated = await machine.evaluate(
        Evaluate(
            request,
            target.problem,
            candidate=target.candidate,
            artifact=built.artifact or "",
            backend=backend,
            settings=replace(spec.evaluation, judge=JudgeKind.KERNELBENCH),
            limits=limits,
        )
    )
    said, ours = evaluated.evaluation, target.evaluation
    if said.kernelbench is None:
        raise StoreError("an evaluation by KernelBench came back without its result")
    return CandidateRescored(
        trajectory=target.trajectory,
        turn=target.turn,
        candidate=target.candidate.digest,
        verdict=ours.verdict,
        runtime_ms=None if ours.timing is None else ours.timing.median_ms,
        speedup=ours.speedup,
        device=said.environment.device,
        device_name=said.environment.device_name,
        kernelbench=said.kernelbench,
        seconds=sum(said.environment.seconds.values()),
    )


def _row(event: CandidateRescored) -> Sequence[object]:
    said = event.kernelbench
    theirs = "correct" if said.correct else said.reason
    return (
        event.trajectory.partition("/")[2],
        event.turn,
        event.verdict,
        theirs,
        _rounded(event.runtime_ms),
        _rounded(said.runtime_ms),
    )


def _rounded(milliseconds: float | None) -> str | None:
    return None if milliseconds is None else f"{milliseconds:.4g}"


def _document(event: CandidateRescored) -> dict[str, object]:
    fields: dict[str, object] = json.loads(msgspec.json.encode(event))
    agrees = (event.verdict == Verdict.PASSED) == event.kernelbench.correct
    return {**fields, "agrees": agrees, "time_ratio": _ratio(event.runtime_ms, event.kernelbench.runtime_ms)}


def _ratio(ours_ms: float | None, theirs_ms: float | None) -> float | None:
    return None if ours_ms is None or theirs_ms is None else ours_ms / theirs_ms
