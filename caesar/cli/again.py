"""The commands that take runs up again: resume, replay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caesar.cli.arguments import DEFAULT_STORE, Devices, Json, Root, RunName, Store

__all__ = ["add_again"]


def add_again(app: typer.Typer) -> None:
    """Give the application these commands."""
    app.command()(resume)
    app.command()(replay)


def resume(
    run: RunName,
    *,
    devices: Devices = None,
    store: Store = DEFAULT_STORE,
    root: Root = Path("runs"),
    json: Json = False,
) -> None:
    """Continue a run where it stopped, with the spec and the problems that it pinned."""
    from caesar.cli.resume import resume_command

    status = resume_command(run, devices=tuple(devices or ()), store=store, root=root, json=json)
    raise typer.Exit(status)


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
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Derive every decision and prompt of a run again; perform nothing, name what differs."""
    from caesar.cli.replay import ReplayOptions, replay_command

    options = ReplayOptions(store, run, tuple(trajectories or ()), spec, pinned)
    raise typer.Exit(replay_command(options, json=json))
