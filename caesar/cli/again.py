"""The commands that take runs up again: resume, replay, fork, study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caesar.cli.arguments import (
    DEFAULT_ROOT,
    DEFAULT_STORE,
    Devices,
    Exclusive,
    Json,
    KernelBench,
    Root,
    RunName,
    Settings,
    Store,
    listed,
)
from caesar.cli.options import CommonOptions

__all__ = ["add_again"]

_Turn = Annotated[int, typer.Option("--turn", help="The last turn that is shared.", min=1)]
_Model = Annotated[str, typer.Option("--model", help="Another model than the spec's.")]
_Turns = Annotated[int | None, typer.Option("--turns", help="Turns at most, the shared ones included.", min=1)]
_Samples = Annotated[int, typer.Option("--samples", help="Forks of each trajectory.", min=1)]


def add_again(app: typer.Typer) -> None:
    """Give the application these commands."""
    app.command()(resume)
    app.command()(replay)
    app.command()(fork)
    study = typer.Typer(
        help="Put a question to every trajectory of a run.",
        rich_markup_mode=None,
        no_args_is_help=True,
    )
    study.command("ablation")(ablation)
    app.add_typer(study, name="study")


def resume(
    run: RunName,
    *,
    devices: Devices = None,
    exclusive: Exclusive = False,
    kernelbench: KernelBench = None,
    store: Store = DEFAULT_STORE,
    root: Root = DEFAULT_ROOT,
    json: Json = False,
) -> None:
    """Continue a run where it stopped, with the spec and the problems that it pinned."""
    from caesar.cli.resume import resume_command

    options = CommonOptions(tuple(devices or ()), exclusive, kernelbench, store, root, json)
    raise typer.Exit(resume_command(run, options))


def replay(
    run: RunName,
    *,
    trajectories: Annotated[
        list[str] | None,
        typer.Option("--trajectory", metavar="PROBLEM[/SAMPLE]", help="Only this; may repeat."),
    ] = None,
    spec: Annotated[
        Path | None, typer.Option("--spec", help="Another strategy: where would it have gone another way?")
    ] = None,
    pinned: Annotated[bool, typer.Option("--pinned", help="Use the run's own templates, not today's.")] = False,
    re_evaluate: Annotated[
        bool,
        typer.Option("--re-evaluate", help="Judge the recorded candidates again, on today's device, instead."),
    ] = False,
    devices: Devices = None,
    kernelbench: KernelBench = None,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Derive every decision and prompt of a run again; perform nothing, name what differs."""
    from caesar.cli.replay import ReplayOptions, chosen_streams, replay_command

    options = ReplayOptions(store, run, tuple(trajectories or ()), spec, pinned)
    if not re_evaluate:
        raise typer.Exit(replay_command(options, json=json))
    from caesar.cli.reevaluate import ReevaluateOptions, reevaluate_command

    judging = ReevaluateOptions(
        run, chosen_streams(options), devices=tuple(devices or ()), kernelbench=kernelbench, store=store
    )
    raise typer.Exit(reevaluate_command(judging, json=json))


def fork(
    run: RunName,
    problem: Annotated[str, typer.Argument(help="A problem's id.")],
    sample: Annotated[int, typer.Argument(help="A sample, from 0.")] = 0,
    *,
    turn: _Turn,
    spec: Annotated[
        Path | None, typer.Option("--spec", help="The strategy to go on with [default: the run's].")
    ] = None,
    model: _Model = "",
    samples: _Samples = 1,
    turns: _Turns = None,
    name: Annotated[str, typer.Option(help="The new run's name [default: made from the others].")] = "",
    group: Annotated[str, typer.Option(help="A name for several runs [default: the run's].")] = "",
    settings: Settings = None,
    devices: Devices = None,
    exclusive: Exclusive = False,
    kernelbench: KernelBench = None,
    store: Store = DEFAULT_STORE,
    root: Root = DEFAULT_ROOT,
    json: Json = False,
) -> None:
    """Go on from a trajectory's turn, under another strategy, model or seed, as a new run."""
    from caesar.cli.fork import ForkOptions, fork_command

    options = ForkOptions(
        run=run,
        turn=turn,
        samples=samples,
        overrides=_overrides(model, turns),
        settings=tuple(settings or ()),
        name=name or None,
        group=group or None,
        common=CommonOptions(tuple(devices or ()), exclusive, kernelbench, store, root, json),
    )
    raise typer.Exit(fork_command(options, problem, sample=sample, spec=spec))


def ablation(
    run: RunName,
    *,
    specs: Annotated[
        list[str], typer.Option("--specs", metavar="SPEC,SPEC", help="The strategies to compare; may repeat.")
    ],
    turn: _Turn,
    model: _Model = "",
    samples: _Samples = 1,
    turns: _Turns = None,
    name: Annotated[str, typer.Option(help="How the new runs' names begin [default: RUN.tTURN].")] = "",
    group: Annotated[str, typer.Option(help="A name for several runs [default: the run's].")] = "",
    settings: Settings = None,
    devices: Devices = None,
    exclusive: Exclusive = False,
    kernelbench: KernelBench = None,
    store: Store = DEFAULT_STORE,
    root: Root = DEFAULT_ROOT,
    json: Json = False,
) -> None:
    """Go on from the same turn of every trajectory of a run, under each of several strategies."""
    from caesar.cli.fork import ForkOptions, ablation_command

    options = ForkOptions(
        run=run,
        turn=turn,
        samples=samples,
        overrides=_overrides(model, turns),
        settings=tuple(settings or ()),
        name=name or None,
        group=group or None,
        common=CommonOptions(tuple(devices or ()), exclusive, kernelbench, store, root, json),
    )
    raise typer.Exit(ablation_command(options, tuple(map(Path, listed(specs)))))


def _overrides(model: str, turns: int | None) -> dict[str, object]:
    given = {"model.name": model, "budget.turns": turns}
    return {key: value for key, value in given.items() if value}
