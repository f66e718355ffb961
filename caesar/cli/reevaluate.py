"""`caesar replay --re-evaluate`: recorded candidates built and judged again, on today's device."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from caesar.cli.look import open_store, require_run
from caesar.cli.machinery import Machinery, backend_of, choose_devices, machinery
from caesar.cli.output import emit_json, emit_table, emit_text, note
from caesar.devices.inventory import Device
from caesar.domain import Candidate, Evaluation
from caesar.effects import Backend, Build, Evaluate, Request
from caesar.engine.fork import read_trajectory
from caesar.engine.plan import Run
from caesar.engine.resume import Pinned, pinned
from caesar.errors import StoreError
from caesar.fsm.trajectory import Turn
from caesar.stores.eventlog import SqliteEventLog

__all__ = ["reevaluate_command"]


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
    outcome: str
    """What it comes to today: build_failed, build_timed_out or the verdict."""
    evaluation: Evaluation | None

    @property
    def agrees(self) -> bool:
        """Whether today's outcome is the recorded one."""
        return self.outcome == self.recorded.turn.outcome


def reevaluate_command(
    store: Path, name: str, streams: tuple[str, ...], *, devices: tuple[str, ...], json: bool
) -> int:
    """Judge every candidate of the trajectories again; 1 where a verdict is another one now."""
    with open_store(store) as log:
        run = require_run(log, name)
        found = pinned(run, log.texts)
        recorded = tuple(_recorded(log, streams))
    backend = backend_of(found.spec.backend)
    work = _judge_all(run, found, recorded, backend=backend, devices=choose_devices(backend, devices))
    compared = asyncio.run(work)
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
        emit_text(f"{agreeing} of {len(compared)} candidates come to what was recorded")
    return 0 if all(each.agrees for each in compared) else 1


def _recorded(log: SqliteEventLog, streams: tuple[str, ...]) -> Iterator[_Recorded]:
    """The candidates of ended turns that were built, each once a problem."""
    seen: set[tuple[str, str]] = set()
    for stream in streams:
        try:
            trajectory = read_trajectory(log.read, stream)
        except StoreError as error:
            note(f"left out: {error}")
            continue
        for turn in trajectory.turns[trajectory.shared :]:
            key = (trajectory.problem, turn.candidate or "")
            if turn.candidate is None or turn.outcome is None or key in seen:
                continue
            seen.add(key)
            source = log.texts([turn.candidate])[turn.candidate]
            yield _Recorded(stream, trajectory.problem, turn, source)


async def _judge_all(
    run: Run, found: Pinned, recorded: tuple[_Recorded, ...], *, backend: Backend, devices: tuple[Device, ...]
) -> list[_Compared]:
    """One after the other: what is compared are times."""
    async with machinery(devices, backend) as machine:
        return [await _judge(run, found, each, backend=backend, machine=machine) for each in recorded]


async def _judge(
    run: Run, found: Pinned, recorded: _Recorded, *, backend: Backend, machine: Machinery
) -> _Compared:
    note(f"problem {recorded.problem}, turn {recorded.turn.number}: judging again")
    request = Request(recorded.stream, recorded.turn.number, slot=0, action="evaluate")
    candidate = Candidate(recorded.source)
    problem = next(problem for problem in found.problems if problem.id == recorded.problem)
    limits = found.spec.limits
    built = await machine.builder.build(
        Build(request, candidate, backend=backend, limits=limits, problem=problem)
    )
    if built.artifact is None:
        return _Compared(recorded, f"build_{built.outcome}", None)
    effect = Evaluate(
        request,
        problem,
        candidate=candidate,
        artifact=built.artifact,
        backend=backend,
        settings=found.spec.evaluation,
        limits=limits,
    )
    grant = await machine.devices.acquire(f"{run.id}:{request.id}")
    try:
        evaluated = await machine.evaluator.evaluate(effect, grant)
    finally:
        await machine.devices.release(grant)
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
