"""`caesar replay --re-evaluate`: recorded candidates built and judged again, on today's device."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from caesar.cli.look import open_store, readable_trajectories, require_run
from caesar.cli.machinery import (
    Machinery,
    backend_of,
    choose_devices,
    kernelbench_for,
    machinery,
    on_a_device,
)
from caesar.cli.output import counted, emit_json, emit_table, emit_text, note
from caesar.domain import Candidate, Evaluation
from caesar.effects import Backend, Build, Evaluate, Request
from caesar.engine.resume import Pinned, pinned
from caesar.errors import Fault
from caesar.fsm.trajectory import Turn
from caesar.stores.eventlog import SqliteEventLog

__all__ = ["ReevaluateOptions", "reevaluate_command"]


@dataclass(frozen=True, slots=True)
class ReevaluateOptions:
    """Whose candidates are judged again, and on what."""

    run: str
    streams: tuple[str, ...]
    """Of the trajectories."""
    devices: tuple[str, ...]
    kernelbench: Path | None
    store: Path


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A candidate, with what it came to when it was recorded."""

    stream: str
    problem: str
    turn: Turn
    source: str


@dataclass(frozen=True, slots=True)
class _Compared:
    recorded: _Recorded
    outcome: str | None
    """What it comes to today: build_failed, build_timed_out or the verdict; None where that was a fault."""
    evaluation: Evaluation | None = None
    fault: str | None = None
    """Why it could not be judged."""

    @property
    def agrees(self) -> bool:
        """Whether today's outcome is the recorded one."""
        return self.outcome == self.recorded.turn.outcome


def reevaluate_command(options: ReevaluateOptions, *, json: bool) -> int:
    """Judge every candidate of the trajectories again; 1 where one comes to something else now, or to nothing.

    The spec's own judge and isolation are used: what differs is the day and the device.
    """
    with open_store(options.store) as log:
        run = require_run(log, options.run)
        found = pinned(run, log.texts)
        recorded = tuple(_recorded(log, options.streams))
    compared = asyncio.run(_judge_all(options, found, recorded))
    rows = [_row(each) for each in compared]
    if json:
        emit_json({"run": run.name, "candidates": rows})
    else:
        emit_text(f"{run.name}: candidates on today's device")
        columns = (
            "problem",
            "sample",
            "turn",
            "recorded",
            "today",
            "speedup",
            "interval",
            "now",
            "interval now",
        )
        keys = ("problem", "sample", "turn", "recorded", "today", "speedup_recorded", "interval_recorded")
        shown = [(*(row[key] for key in keys), row["speedup_today"], row["interval_today"]) for row in rows]
        emit_table(columns, shown)
        agreeing = sum(each.agrees for each in compared)
        faulted = sum(each.fault is not None for each in compared)
        without = f"; {counted(faulted, 'candidate')} could not be judged" if faulted else ""
        emit_text(f"{agreeing} of {len(compared)} candidates come to what was recorded{without}")
    return 0 if all(each.agrees for each in compared) else 1


def _recorded(log: SqliteEventLog, streams: tuple[str, ...]) -> Iterator[_Recorded]:
    """The candidates of ended turns that were built, each once a problem."""
    seen: set[tuple[str, str]] = set()
    for trajectory in readable_trajectories(log, streams):
        for turn in trajectory.turns[trajectory.shared :]:
            key = (trajectory.problem, turn.candidate or "")
            if turn.candidate is None or turn.outcome is None or key in seen:
                continue
            seen.add(key)
            source = log.texts([turn.candidate])[turn.candidate]
            yield _Recorded(trajectory.stream, trajectory.problem, turn, source)


async def _judge_all(
    options: ReevaluateOptions, found: Pinned, recorded: tuple[_Recorded, ...]
) -> list[_Compared]:
    """One after the other: what is compared are times."""
    backend, settings = backend_of(found.spec.backend), found.spec.evaluation
    installation = kernelbench_for(settings.judge, backend, root=options.kernelbench)
    devices = choose_devices(backend, options.devices)
    async with machinery(devices, backend, isolation=settings.isolation, kernelbench=installation) as machine:
        return [await _judge(found, each, backend=backend, machine=machine) for each in recorded]


async def _judge(found: Pinned, recorded: _Recorded, *, backend: Backend, machine: Machinery) -> _Compared:
    note(f"problem {recorded.problem}, turn {recorded.turn.number}: judging again")
    try:
        return await _judged(found, recorded, backend=backend, machine=machine)
    except Fault as fault:
        note(f"problem {recorded.problem}, turn {recorded.turn.number}: {fault}")
        return _Compared(recorded, None, fault=str(fault))


async def _judged(found: Pinned, recorded: _Recorded, *, backend: Backend, machine: Machinery) -> _Compared:
    request = Request(recorded.stream, recorded.turn.number, slot=0, action="evaluate")
    candidate = Candidate(recorded.source)
    problem = next(problem for problem in found.problems if problem.id == recorded.problem)
    limits = found.spec.limits
    built = await machine.builder.build(
        Build(request, candidate, backend=backend, limits=limits, problem=problem)
    )
    if built.artifact is None:
        return _Compared(recorded, f"build_{built.outcome}")
    effect = Evaluate(
        request,
        problem,
        candidate=candidate,
        artifact=built.artifact,
        backend=backend,
        settings=found.spec.evaluation,
        limits=limits,
    )
    evaluated = await on_a_device(
        machine.devices, request.id, lambda grant: machine.evaluator.evaluate(effect, grant)
    )
    return _Compared(recorded, str(evaluated.evaluation.verdict), evaluated.evaluation)


def _row(compared: _Compared) -> dict[str, object]:
    turn = compared.recorded.turn
    was, now = turn.evaluation, compared.evaluation
    return {
        "problem": compared.recorded.problem,
        "sample": int(compared.recorded.stream.rpartition("/")[2]),
        "turn": turn.number,
        "candidate": turn.candidate,
        "recorded": turn.outcome,
        "today": compared.outcome,
        "fault": compared.fault,
        "agrees": compared.agrees,
        "speedup_recorded": was.speedup if was else None,
        "interval_recorded": _interval(was),
        "speedup_today": now.speedup if now else None,
        "interval_today": _interval(now),
        "device_recorded": was.environment.device_name if was else None,
        "device_today": now.environment.device_name if now else None,
    }


def _interval(evaluation: Evaluation | None) -> object:
    """The speedup's interval, where the evaluator gave one."""
    interval = getattr(evaluation, "speedup_interval", None)
    return None if interval is None else list(interval)
