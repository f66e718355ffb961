"""`caesar verify`, `repair`, `backup`, `copy` and `rm`: checking stores and copying them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from caesar.cli.look import open_store, readable_runs, require_run
from caesar.cli.output import counted, emit_json, emit_text, note
from caesar.engine.plan import Run
from caesar.errors import StoreError, UsageError
from caesar.events import HeadRecorded, TrajectoryForked
from caesar.stores.chains import Damage
from caesar.stores.copying import backup, copy_into, copy_new, keep_only
from caesar.stores.eventlog import SqliteEventLog
from caesar.stores.failures import translated
from caesar.stores.locks import locks_folder, owning
from caesar.stores.verify import Audit, audit

__all__ = ["backup_command", "copy_command", "repair_command", "rm_command", "verify_command"]


def verify_command(store: Path, runs: Sequence[str], *, json: bool) -> int:
    """Say what is damaged; 0 where nothing is. Of a store whose runs can't be listed all of it is said."""
    with open_store(store) as log:
        found = audit(store)
        names = _names(log)
        wanted = {name if name in found.streams else require_run(log, name).id for name in runs if names}
    damages = [one for one in found.damages if not wanted or one.stream.partition("/")[0] in wanted]
    if json:
        emit_json(_document(store, found, damages, names=names))
    else:
        for told in (*found.loose, *(_sentence(one, names) for one in damages)):
            emit_text(told)
        what = f"{counted(sum(found.streams.values()), 'event')} in {counted(len(found.streams), 'stream')}"
        state = "sound" if not damages and not found.loose else "damaged; `caesar repair` copies what is sound"
        emit_text(f"{store}: {what}, {counted(found.texts, 'text')}: {state}")
    return 0 if not damages and not found.loose else 1


def repair_command(store: Path, to: Path, *, json: bool) -> int:
    """Copy every sound event that leads on from its stream's first; 1 where something had to stay behind."""
    with open_store(store) as log:
        found = audit(store)
        names = _names(log)
        upto = _consistent(log, found.reliable)
    copied = copy_new(store, to, upto=upto)
    lost = {
        stream: (upto.get(stream, 0), count)
        for stream, count in found.streams.items()
        if upto.get(stream, 0) < count
    }
    for told in found.loose:
        note(f"{store}: {told}")
    if json:
        left = [{"stream": stream, "copied": kept, "had": had} for stream, (kept, had) in lost.items()]
        emit_json({"store": str(to), "events": copied.events, "texts": copied.texts, "left_behind": left})
        return 1 if lost else 0
    for stream, (kept, had) in lost.items():
        emit_text(f"{_place(stream, names)}: {kept} of {counted(had, 'event')} copied")
    emit_text(f"{to}: {counted(copied.events, 'event')} and {counted(copied.texts, 'text')} copied")
    if lost:
        note(f"`caesar resume RUN --store {to}` goes on from what is left of a run")
    return 1 if lost else 0


def backup_command(store: Path, to: Path) -> None:
    """Copy the whole store as it is now."""
    with open_store(store):
        backup(store, to)
    emit_text(f"{to}: {to.stat().st_size:,} bytes")


def copy_command(store: Path, runs: Sequence[str], to: Path) -> None:
    """Copy runs with their ancestors to another store."""
    with open_store(store) as log:
        if to.exists() and to.samefile(store):
            raise UsageError(f"{to} is the store itself: name another one with --to")
        chosen = tuple(with_ancestors(log, (require_run(log, name) for name in runs)))
        if to.exists():
            _refuse_same_names(chosen, to)
        upto = _lengths(log, chosen)
    copied = copy_into(store, to, upto=upto)
    names = ", ".join(run.name for run in chosen)
    emit_text(f"{to}: {names}: {counted(copied.events, 'event')} and {counted(copied.texts, 'text')} copied")


def rm_command(store: Path, name: str) -> None:
    """Exchange the store for one without the run; nobody may be using it."""
    store = store.resolve()  # its locks lie beside the file, not beside a link to it
    with ExitStack() as held:
        with open_store(store) as log:
            gone = require_run(log, name)
            everyone = tuple(readable_runs(log))
            _refuse_forked(gone, everyone)
        for run in everyone:
            with translated(store):
                held.enter_context(owning(run.name, locks_folder(store)))
        copied = keep_only(store, lambda log: _without(log, gone))
    emit_text(f"{store}: run {gone.name} removed; {counted(copied.events, 'event')} kept")


def _without(log: SqliteEventLog, gone: Run) -> Mapping[str, int]:
    """How many events each stream has that is not the run's; UsageError where the run was forked meanwhile."""
    _refuse_forked(gone, readable_runs(log))
    return {stream: version for stream, version, _ in log.heads() if stream.partition("/")[0] != gone.id}


def _names(log: SqliteEventLog) -> Mapping[str, str]:
    """The runs' names by their ids; none where the store is too damaged to list them."""
    with suppress(StoreError):
        return {run.id: run.name for run in readable_runs(log)}
    return {}


def with_ancestors(log: SqliteEventLog, runs: Iterable[Run]) -> Iterator[Run]:
    """The runs, each after the run that it is a fork of, and none twice."""
    seen: set[str] = set()
    for run in runs:
        line = [run]
        while line[-1].forked is not None:
            line.append(require_run(log, line[-1].forked.parent))
        for ancestor in reversed(line):
            if ancestor.id not in seen:
                seen.add(ancestor.id)
                yield ancestor


def _lengths(log: SqliteEventLog, runs: Iterable[Run]) -> Mapping[str, int]:
    """How many events each stream of the runs has, every one checked."""
    streams = [stream for run in runs for stream in (run.id, *log.streams(f"{run.id}/"))]
    return {stream: len(log.read(stream)) for stream in streams}


def _refuse_same_names(runs: Iterable[Run], to: Path) -> None:
    with open_store(to) as log:
        there = {run.name: run.id for run in readable_runs(log)}
    for run in runs:
        if there.get(run.name, run.id) != run.id:
            raise UsageError(
                f"{to} has another run called {run.name}, and names are unique: copy to another store"
            )


def _refuse_forked(gone: Run, runs: Iterable[Run]) -> None:
    forks = [run.name for run in runs if run.forked is not None and run.forked.parent == gone.id]
    if forks:
        raise UsageError(
            f"run {gone.name} holds the turns that {', '.join(forks)} go on from: remove the forks first"
        )


def _consistent(log: SqliteEventLog, reliable: Mapping[str, int]) -> Mapping[str, int]:
    """Of the reliable events those whose claims about other streams are kept true by what is copied.

    A run's stream ends before the first head of a trajectory that no longer comes so far, and a fork
    needs all that it shares.
    """
    upto = {stream: count for stream, count in reliable.items() if count}
    while True:
        shorter = {
            stream: kept
            for stream, count in upto.items()
            if (kept := _backed(log, stream, count, upto)) < count
        }
        if not shorter:
            return {stream: count for stream, count in upto.items() if count}
        upto |= shorter


def _backed(log: SqliteEventLog, stream: str, count: int, upto: Mapping[str, int]) -> int:
    run, slash, _ = stream.partition("/")
    if slash and not upto.get(run):
        return 0  # a trajectory without its run can't be read by anyone
    if slash and log.read(stream, upto=1)[0].kind != TrajectoryForked.kind:
        return count
    for envelope in log.read(stream, upto=count):
        for claimed, version in _claimed(envelope.event):
            if upto.get(claimed, 0) < version:
                return envelope.version - 1
    return count


def _claimed(event: object) -> Iterator[tuple[str, int]]:
    """The streams that an event says something of, and how far they have to reach for it."""
    match event:
        case HeadRecorded(stream=stream, version=version):
            yield stream, version
        case TrajectoryForked(parent=parent, version=version):
            yield parent, version
        case _:
            return


def _sentence(damage: Damage, names: Mapping[str, str]) -> str:
    return f"{_place(damage.stream, names)}: damaged from event {damage.version} on: {damage.why}"


def _place(stream: str, names: Mapping[str, str]) -> str:
    run, slash, where = stream.partition("/")
    problem, _, sample = where.rpartition("/")
    named = f"run {names.get(run, run)}"
    return f"{named}, problem {problem}, sample {sample}" if slash else f"{named}, its own stream"


def _document(
    store: Path, found: Audit, damages: Sequence[Damage], *, names: Mapping[str, str]
) -> dict[str, object]:
    told = [
        {
            "run": names.get(one.stream.partition("/")[0]),
            "stream": one.stream,
            "event": one.version,
            "why": one.why,
        }
        for one in damages
    ]
    return {
        "store": str(store),
        "streams": len(found.streams),
        "events": sum(found.streams.values()),
        "texts": found.texts,
        "sound": not damages and not found.loose,
        "damages": told,
        "store_damages": list(found.loose),
    }
