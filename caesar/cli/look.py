"""`caesar status` and `caesar show`: what the log tells, folded, without DuckDB."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from caesar.cli.evidence import evaluation_document, evaluation_lines, interval_words
from caesar.cli.output import emit_json, emit_table, emit_text, note, one_line, ratio
from caesar.domain import Usage, stream_of
from caesar.engine.fork import lineage, read_trajectory
from caesar.engine.plan import Run, fold_run
from caesar.errors import StoreError, UsageError
from caesar.events import Envelope, GenerationRequested
from caesar.fsm.trajectory import Trajectory, Turn
from caesar.ports import EventLog
from caesar.stores.eventlog import SqliteEventLog

__all__ = [
    "find_run",
    "open_store",
    "problem_id",
    "readable_runs",
    "readable_trajectories",
    "require_run",
    "show_command",
    "status_command",
]


def open_store(store: Path) -> SqliteEventLog:
    """The store, for reading; UsageError where there is none."""
    if not store.exists():
        raise UsageError(f"{store}: there is no store here; `caesar run` makes one, --store names another")
    return SqliteEventLog.open(store, clock_us=lambda: 0, read_only=True)


def find_run(log: SqliteEventLog, name: str) -> str | None:
    """The id of the run of that name or id; None where the store has none.

    StoreError where a run of the store is damaged: it might be the one.
    """
    for run in _runs(log):
        if name in {run.id, run.name}:
            return run.id
    return None


def require_run(log: SqliteEventLog, name: str) -> Run:
    """The run of that name or id; UsageError that lists what there is."""
    runs = tuple(readable_runs(log))
    for run in runs:
        if name in {run.id, run.name}:
            return run
    names = ", ".join(run.name for run in runs) or "none"
    raise UsageError(f"there is no run {name} in this store; it has: {names}")


def readable_runs(log: SqliteEventLog) -> Iterator[Run]:
    """The store's runs, those left out, with a note, whose own stream is damaged."""
    for stream in _run_streams(log):
        try:
            yield fold_run(log.read(stream))
        except StoreError as error:
            note(f"left out: {error}")


def readable_trajectories(log: EventLog, streams: Iterable[str]) -> Iterator[Trajectory]:
    """The trajectories of the streams; those that are damaged are left out, with a note."""
    for stream in streams:
        try:
            yield read_trajectory(log.read, stream)
        except StoreError as error:
            note(f"left out: {error}")


def status_command(store: Path, *, json: bool) -> None:
    """Print every run, newest first."""
    with open_store(store) as log:
        rows = [_status(log, run) for run in readable_runs(log)]
    rows.sort(key=lambda row: str(row["started"]), reverse=True)
    if json:
        emit_json({"runs": rows})
        return
    columns = ("run", "group", "spec", "started", "state", "trajectories", "tokens", "usd")
    emit_table(columns, [_line(row) for row in rows])


def _line(row: dict[str, object]) -> tuple[object, ...]:
    counts, usage = row["trajectories"], row["usage"]
    assert isinstance(counts, dict)
    assert isinstance(usage, dict)
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    tokens = usage["input_tokens"] + usage["output_tokens"]
    return (row["run"], row["group"], row["spec"], row["started"], row["state"], told, tokens, usage["usd"])


def _status(log: SqliteEventLog, run: Run) -> dict[str, object]:
    streams = log.streams(f"{run.id}/")
    trajectories = tuple(readable_trajectories(log, streams))
    states = Counter(str(trajectory.status) for trajectory in trajectories)
    states["planned"] = run.planned - len(streams)
    states["damaged"] = len(streams) - len(trajectories)
    usage = sum((trajectory.usage for trajectory in trajectories), Usage())
    first = log.read(run.id)[0]
    return {
        "run": run.name,
        "id": run.id,
        "group": run.group,
        "spec": msgspec.json.decode(log.texts([run.spec])[run.spec])["name"],
        "started": _instant(first),
        "state": "finished" if run.finished else "unfinished",
        "trajectories": dict(states),
        "usage": asdict(usage),
    }


def _instant(envelope: Envelope) -> str:
    return datetime.fromtimestamp(envelope.recorded_at_us / 1e6, UTC).isoformat(timespec="seconds")


def _runs(log: SqliteEventLog) -> Iterator[Run]:
    return (fold_run(log.read(stream)) for stream in _run_streams(log))


def _run_streams(log: SqliteEventLog) -> Iterator[str]:
    return (stream for stream in log.streams() if "/" not in stream)


def show_command(store: Path, run: str, problem: str, *, sample: int, turn: int | None, json: bool) -> None:
    """Print a trajectory's turns, or one turn whole."""
    with open_store(store) as log:
        found = require_run(log, run)
        stream = stream_of(found.id, problem_id(found, problem), sample)
        envelopes = log.read(stream)
        if not envelopes:
            known = ", ".join(pinned.id for pinned in found.problems)
            raise UsageError(
                f"run {found.name} has nothing of problem {problem}, sample {sample}; its problems are {known},"
                f" its samples 0 to {found.samples - 1}"
            )
        trajectory = read_trajectory(log.read, stream)
        if turn is None:
            _show_turns(trajectory, run=found.name, json=json)
        else:
            shown = _turn(trajectory, turn)
            if not json:
                emit_text(f"{_head(found.name, trajectory)}, turn {turn}: {_outcome(shown)}\n")
            _show_turn(log, lineage(log.read, stream), shown, json=json)


def problem_id(run: Run, wanted: str) -> str:
    """The id of the problem of that id or name."""
    named = (pinned.id for pinned in run.problems if pinned.name.casefold() == wanted.casefold())
    return wanted if any(wanted == pinned.id for pinned in run.problems) else next(named, wanted)


def _turn(trajectory: Trajectory, number: int) -> Turn:
    for turn in trajectory.turns:
        if turn.number == number:
            return turn
    where = f"problem {trajectory.problem}, sample {trajectory.sample}"
    raise UsageError(f"{where} has turns 1 to {len(trajectory.turns)}, not {number}")


def _show_turns(trajectory: Trajectory, *, run: str, json: bool) -> None:
    if json:
        rows = [_turn_row(turn) for turn in trajectory.turns]
        emit_json({"trajectory": trajectory.stream, "status": trajectory.status, "turns": rows})
        return
    emit_text(f"{_head(run, trajectory)}: {trajectory.status}")
    columns = ("turn", "outcome", "reason", "runtime_ms", "speedup", "interval", "findings", "candidate")
    emit_table(columns, [_turn_line(turn) for turn in trajectory.turns])


def _head(run: str, trajectory: Trajectory) -> str:
    return f"{run}, problem {trajectory.problem}, sample {trajectory.sample}"


def _outcome(turn: Turn) -> str:
    reason = _turn_row(turn)["reason"]
    return f"{turn.outcome or 'undecided'}{f' ({one_line(str(reason))})' if reason else ''}"


def _turn_line(turn: Turn) -> tuple[object, ...]:
    row, evaluation = _turn_row(turn), turn.evaluation
    speedup = evaluation.speedup if evaluation else None
    return (
        turn.number,
        turn.outcome,
        row["reason"],
        row["runtime_ms"],
        None if speedup is None else ratio(speedup),
        interval_words(evaluation.speedup_interval) if evaluation else None,
        ", ".join(_kinds(turn)) or None,
        row["candidate"],
    )


def _turn_row(turn: Turn) -> dict[str, object]:
    evaluation, build = turn.evaluation, turn.build
    reason = evaluation.reason if evaluation else build.reason if build else None
    timing = evaluation.timing if evaluation else None
    return {
        "turn": turn.number,
        "outcome": turn.outcome,
        "reason": reason,
        "runtime_ms": timing.median_ms if timing else None,
        "speedup": evaluation.speedup if evaluation else None,
        "speedup_interval": evaluation.speedup_interval if evaluation else None,
        "findings": _kinds(turn),
        "isolation": evaluation.environment.isolation if evaluation else None,
        "trust": evaluation.environment.trust if evaluation else None,
        "candidate": turn.candidate[:12] if turn.candidate else None,
    }


def _kinds(turn: Turn) -> list[str]:
    return [finding.kind for finding in turn.evaluation.findings] if turn.evaluation else []


def _show_turn(log: SqliteEventLog, envelopes: tuple[Envelope, ...], turn: Turn, *, json: bool) -> None:
    """The evaluation comes first: nobody's text stands before it that could pass for it."""
    sections = {"prompt": _prompt(log, envelopes, turn.number), **_texts(log, turn)}
    evaluation = turn.evaluation
    if json:
        document = {"evaluation": evaluation_document(evaluation) if evaluation else None}
        texts = {name.replace(" ", "_"): text for name, text in sections.items()}
        emit_json({**_turn_row(turn), **document, **texts})
        return
    if evaluation is not None:
        _emit_section("evaluation", "\n".join(evaluation_lines(evaluation)))
    for name, text in sections.items():
        _emit_section(name, text)


def _emit_section(name: str, text: str) -> None:
    emit_text(f"===== {name} =====\n{text}\n")


def _texts(log: SqliteEventLog, turn: Turn) -> dict[str, str]:
    """What others wrote in a turn, by what it is."""
    named = {
        "completion": turn.completion,
        "candidate": turn.candidate,
        "build log": turn.build.log if turn.build else None,
        "detail": turn.evaluation.detail if turn.evaluation else None,
        "feedback": turn.feedback,
    }
    digests = {name: digest for name, digest in named.items() if digest is not None}
    texts = log.texts(tuple(digests.values()))
    return {name: texts[digest] for name, digest in digests.items() if texts[digest]}


def _prompt(log: SqliteEventLog, envelopes: tuple[Envelope, ...], number: int) -> str:
    """The turn's prompt as it was sent last, each message under its role."""
    asked = [
        event
        for envelope in envelopes
        if isinstance(event := envelope.event, GenerationRequested) and event.turn == number
    ]
    if not asked:
        return ""
    texts = log.texts([digest for message in asked[-1].prompt for digest in message.parts])
    return "\n\n".join(
        f"[{message.role}]\n" + "\n".join(texts[digest] for digest in message.parts)
        for message in asked[-1].prompt
    )
