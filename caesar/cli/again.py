"""The commands that take runs up again: resume."""

from __future__ import annotations

from pathlib import Path

import typer

from caesar.cli.arguments import DEFAULT_STORE, Devices, Json, Root, RunName, Store

__all__ = ["add_again"]


def add_again(app: typer.Typer) -> None:
    """Give the application these commands."""
    app.command()(resume)


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
