"""`caesar replay`: recorded runs through today's code, templates and spec; nothing is performed."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from itertools import chain, repeat
from pathlib import Path

from caesar.cli.files import read_spec
from caesar.cli.look import open_store, problem_id, require_run
from caesar.cli.output import counted, emit_json, emit_text, note
from caesar.domain import stream_of
from caesar.engine.divergence import Divergence
from caesar.engine.plan import Run
from caesar.engine.replay import Replayed, replay
from caesar.engine.resume import pinned
from caesar.engine.scheduler import lost_ends
from caesar.engine.today import Today, evaluated_on, today
from caesar.errors import StoreError, UsageError
from caesar.events import Envelope
from caesar.fsm.spec import load
from caesar.prompts.render import shipped
from caesar.stores.eventlog import SqliteEventLog

__all__ = ["ReplayOptions", "chosen_streams", "replay_command", "replay_run"]

_A_PROCESS = 100
"""While another process starts, so many trajectories are replayed in this one."""

_SHOWN = 60
"""Lines of a divergence's diff that are printed; --json has all."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What to replay, and with what."""

    store: Path
    run: str
    trajectories: tuple[str, ...] = ()
    """PROBLEM or PROBLEM/SAMPLE; all where none is named."""
    spec: Path | None = None
    pinned: bool = False
    """Use the run's own templates instead of today's."""


def replay_command(options: ReplayOptions, *, json: bool) -> int:
    """Replay, and say what differs; 1 where something does."""
    replayed, damaged = replay_run(options)
    if json:
        emit_json(_document(options, replayed, damaged))
    else:
        _say(options, replayed, damaged)
    return 1 if damaged or any(one.divergence for one in replayed) else 0


def chosen_streams(options: ReplayOptions) -> tuple[str, ...]:
    """The trajectories that the options name; says which of them have lost their ends."""
    with open_store(options.store) as log:
        streams, lost = _streams(log, require_run(log, options.run), options.trajectories)
    _say_unread(lost)
    return streams


def replay_run(options: ReplayOptions) -> tuple[tuple[Replayed, ...], tuple[str, ...]]:
    """Every trajectory's replay, and why those could not be read that are damaged."""
    with ExitStack() as opened:
        log = opened.enter_context(open_store(options.store))
        run = require_run(log, options.run)
        streams, lost = _streams(log, run, options.trajectories)
        now = _today(log, run, options)  # what is wrong with the spec or the templates is said once, here
        ours, *others = _parts(streams, len(os.sched_getaffinity(0)))
        theirs = _elsewhere(options, others, opened)
        results = [*(_one(log, now, stream) for stream in ours), *theirs]
    order = {stream: place for place, stream in enumerate(streams)}
    replayed = sorted((one for one in results if isinstance(one, Replayed)), key=lambda one: order[one.stream])
    return tuple(replayed), (*lost, *(one for one in results if isinstance(one, str)))


def _parts(streams: Sequence[str], processes: int) -> Iterator[Sequence[str]]:
    """The streams for each process, this one's first: more, as it need not start; it may be the only one."""
    head, rest = streams[:_A_PROCESS], streams[_A_PROCESS:]
    processes = min(processes, 1 + len(rest) // _A_PROCESS)
    yield (*head, *rest[::processes])
    for number in range(1, processes):
        yield rest[number::processes]


def _elsewhere(
    options: ReplayOptions, parts: Sequence[Sequence[str]], opened: ExitStack
) -> Iterable[Replayed | str]:
    """What other processes, which start now, find; in no particular order."""
    if not parts:
        return ()
    pool = opened.enter_context(ProcessPoolExecutor(len(parts), multiprocessing.get_context("spawn")))
    return chain.from_iterable(pool.map(_replay_some, repeat(options), parts))


def _replay_some(options: ReplayOptions, streams: Sequence[str]) -> list[Replayed | str]:
    with open_store(options.store) as log:
        now = _today(log, require_run(log, options.run), options)
        return [_one(log, now, stream) for stream in streams]


def _one(log: SqliteEventLog, now: Today, stream: str) -> Replayed | str:
    try:
        return replay(now, stream, read=log.read, texts=log.texts)
    except StoreError as error:
        return str(error)


def _today(log: SqliteEventLog, run: Run, options: ReplayOptions) -> Today:
    found = pinned(run, log.texts)
    spec = None if options.spec is None else load(read_spec(options.spec), file=str(options.spec))
    templates = found.templates if options.pinned else shipped()
    unnamed = any(name is None for _, name in run.device_names)
    device = evaluated_on(_sound(log, run)) if unnamed else ""
    return today(run, found, spec=spec, templates=templates, device=device)


def _sound(log: SqliteEventLog, run: Run) -> Iterator[Sequence[Envelope]]:
    """The histories of the run's trajectories; those that are damaged are told when they are replayed."""
    for stream in log.streams(f"{run.id}/"):
        with suppress(StoreError):
            yield log.read(stream)


def _streams(log: SqliteEventLog, run: Run, wanted: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The wanted trajectories' streams, and why those are left out that have lost their ends."""
    reached = {stream: version for stream, version, _ in log.heads(f"{run.id}/")}
    lost = lost_ends(run, reached)
    there = tuple(dict.fromkeys((*log.streams(f"{run.id}/"), *lost)))
    chosen = tuple(stream for name in wanted for stream in _named(run, name, there)) if wanted else there
    told = tuple(str(lost[stream]) for stream in dict.fromkeys(chosen) if stream in lost)
    return tuple(stream for stream in dict.fromkeys(chosen) if stream not in lost), told


def _named(run: Run, name: str, there: Sequence[str]) -> Sequence[str]:
    problem, slash, sample = name.partition("/")
    prefix = stream_of(run.id, problem_id(run, problem), 0).removesuffix("0")
    found = [stream for stream in there if stream.startswith(prefix)]
    if slash:
        found = [stream for stream in found if stream == f"{prefix}{sample}"]
    if not found:
        raise UsageError(
            f"run {run.name} has no trajectory {name}: name a problem, or a problem and a sample as in 3/0"
        )
    return found


def _say(options: ReplayOptions, replayed: Sequence[Replayed], damaged: Sequence[str]) -> None:
    _say_unread(damaged)
    diverged = [one for one in replayed if one.divergence is not None]
    for one in diverged[:1] if options.spec else diverged[:3]:
        _say_one(one)
    for told, count in Counter(_summary(one.divergence) for one in diverged if one.divergence).most_common():
        emit_text(f"{counted(count, 'trajectory')} part {told}" if count > 1 else f"1 trajectory parts {told}")
    turns = sum(one.turns for one in replayed)
    events = sum(one.events for one in replayed)
    equal = len(replayed) - len(diverged)
    emit_text(
        f"{options.run}: {counted(len(replayed), 'trajectory')}, {counted(turns, 'turn')},"
        f" {counted(events, 'event')} replayed; {equal} of {len(replayed)} equal"
    )


def _say_unread(damaged: Iterable[str]) -> None:
    for told in damaged:
        note(f"not replayed: {told}")


def _say_one(replayed: Replayed) -> None:
    divergence = replayed.divergence
    assert divergence is not None
    _, _, where = replayed.stream.partition("/")
    problem, _, sample = where.rpartition("/")
    emit_text(
        f"problem {problem} sample {sample}: event {divergence.version} ({divergence.kind}), turn"
        f" {divergence.turn}: {divergence.field} differs"
    )
    lines = divergence.diff
    emit_text("\n".join(f"  {line}" for line in lines[:_SHOWN]))
    if len(lines) > _SHOWN:
        emit_text(f"  ... {len(lines) - _SHOWN} lines more; --json has all")


def _summary(divergence: Divergence) -> str:
    what = f"{divergence.recorded} -> {divergence.today}" if divergence.field == "kind" else divergence.field
    return f"at turn {divergence.turn}, {divergence.kind}: {what}"


def _document(
    options: ReplayOptions, replayed: Sequence[Replayed], damaged: Sequence[str]
) -> Mapping[str, object]:
    return {
        "run": options.run,
        "trajectories": len(replayed),
        "turns": sum(one.turns for one in replayed),
        "events": sum(one.events for one in replayed),
        "equal": sum(one.divergence is None for one in replayed),
        "damaged": list(damaged),
        "divergences": list(_divergences(replayed)),
    }


def _divergences(replayed: Sequence[Replayed]) -> Iterator[dict[str, object]]:
    for one in replayed:
        if one.divergence is not None:
            yield {"trajectory": one.stream, **asdict(one.divergence), "diff": list(one.divergence.diff)}
