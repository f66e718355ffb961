"""`caesar fork` and `caesar study ablation`: runs that go on from another run's turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from caesar.cli.files import read_spec
from caesar.cli.look import open_store, problem_id, require_run
from caesar.cli.options import CommonOptions
from caesar.cli.output import counted, emit_json, note
from caesar.cli.prepare import Prepared, prepare
from caesar.cli.run import INTERRUPTED, run_prepared
from caesar.domain import stream_of
from caesar.engine.fork import fork_at, origins
from caesar.engine.plan import Run
from caesar.engine.resume import Pinned, pinned
from caesar.errors import UsageError
from caesar.events import ForkOrigin, RunForked
from caesar.fsm.overrides import setting
from caesar.fsm.spec import ProblemSelection, Spec, load

__all__ = ["ForkOptions", "ablation_command", "fork_command"]

_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class ForkOptions:
    """What `fork` and `study ablation` have in common."""

    run: str
    turn: int
    """The last turn that is shared."""
    samples: int
    overrides: Mapping[str, object]
    settings: tuple[str, ...]
    name: str | None
    group: str | None
    common: CommonOptions


@dataclass(frozen=True, slots=True)
class _Parent:
    run: Run
    pinned: Pinned
    origins: tuple[ForkOrigin, ...]


def fork_command(options: ForkOptions, problem: str, *, sample: int, spec: Path | None) -> int:
    """Go on from one trajectory's turn; the exit status."""
    with open_store(options.common.store) as log:
        run = require_run(log, options.run)
        chosen = problem_id(run, problem)
        if not log.read(stream_of(run.id, chosen, sample)):
            raise UsageError(
                f"run {run.name} has nothing of problem {problem}, sample {sample}: `caesar show` lists it"
            )
        shared = fork_at(log.read, stream_of(run.id, chosen, sample), turn=options.turn)
        begun = tuple(shared.origin(chosen, number) for number in range(options.samples))
        parent = _Parent(run, pinned(run, log.texts), begun)
    strategy = _strategy(parent, options, spec)
    name = options.name or _short(f"{run.name}.{chosen}.{sample}.t{options.turn}.{strategy.name}")
    return run_prepared(_prepared(parent, strategy, options, name=name))


def ablation_command(options: ForkOptions, specs: Sequence[Path]) -> int:
    """Go on from the same turn of every trajectory under each of the specs; the worst exit status."""
    with open_store(options.common.store) as log:
        run = require_run(log, options.run)
        began = [_place(stream) for stream in log.streams(f"{run.id}/")]
        begun = origins(log.read, run, began, turn=options.turn, samples=options.samples)
        parent = _Parent(run, pinned(run, log.texts), begun)
    if not begun:
        raise UsageError(
            f"no trajectory of run {run.name} has ended turn {options.turn}: choose an earlier --turn"
        )
    without = len(began) - len(begun) // options.samples
    if without:
        note(f"{counted(without, 'trajectory')} of run {run.name} did not end turn {options.turn}: left out")
    prefix = options.name or f"{run.name}.t{options.turn}"
    strategies = [_strategy(parent, options, spec) for spec in specs]
    names = [_short(f"{prefix}.{strategy.name}") for strategy in strategies]
    if len(set(names)) < len(names):
        raise UsageError(
            "two of the specs have one name, and so would their runs: give the specs different names"
        )
    named = zip(strategies, names, strict=True)
    quiet = replace(options, common=replace(options.common, json=False))
    work = [_prepared(parent, strategy, quiet, name=name) for strategy, name in named]
    status = 0
    for prepared in work:
        status = max(status, run_prepared(prepared))
        if status == INTERRUPTED:
            return status
    if options.common.json:
        emit_json({"parent": run.name, "turn": options.turn, "left_out": without, "runs": names})
    note(f"compare them: caesar report {' '.join(names)}")
    return status


def _place(stream: str) -> tuple[str, int]:
    _, problem, sample = stream.split("/")
    return problem, int(sample)


def _strategy(parent: _Parent, options: ForkOptions, file: Path | None) -> Spec:
    """The spec to go on with, on the parent's problems and backend."""
    overrides = {**options.overrides, **dict(map(setting, options.settings))}
    found = parent.pinned.spec
    if file is not None:
        spec = load(read_spec(file), file=str(file), overrides=overrides)
    elif options.settings:
        raise UsageError("--set changes a spec's file: name one with --spec")
    else:
        spec = _changed(found, overrides)
    if spec.backend is not None and spec.backend is not found.backend:
        raise UsageError(
            f"run {parent.run.name} is for the backend {found.backend}, and its candidates too; {spec.name} is"
            f" for {spec.backend}"
        )
    ids = tuple(dict.fromkeys(origin.problem for origin in parent.origins))
    samples = 1 + max(origin.sample for origin in parent.origins)
    selection = ProblemSelection(parent.run.suite, ids=ids)
    return replace(spec, backend=found.backend, problems=selection, samples=samples)


def _changed(spec: Spec, overrides: Mapping[str, object]) -> Spec:
    """The pinned spec with --model and --turns applied."""
    model, turns = overrides.get("model.name"), overrides.get("budget.turns")
    if isinstance(model, str):
        spec = replace(spec, model=replace(spec.model, name=model))
    if isinstance(turns, int):
        spec = replace(spec, budget=replace(spec.budget, turns=turns))
    return spec


def _prepared(parent: _Parent, spec: Spec, options: ForkOptions, *, name: str) -> Prepared:
    if spec.budget.turns is not None and spec.budget.turns <= options.turn:
        raise UsageError(
            f"{spec.name} ends after {counted(spec.budget.turns, 'turn')}, and {options.turn} are shared: give"
            " it more with --turns"
        )
    wanted = set(spec.problems.ids or ())
    return prepare(
        spec,
        tuple(each for each in parent.pinned.problems if each.id in wanted),
        options.common,
        name=name,
        group=options.group or parent.run.group,
        templates=parent.pinned.templates,
        forked=RunForked(parent.run.id, parent.origins),
    )


def _short(name: str) -> str:
    """A made-up name within a name's length; one that a user gave is never cut."""
    return name[:_LONGEST_NAME].rstrip(".")
