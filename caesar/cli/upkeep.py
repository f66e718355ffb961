"""The commands that keep stores: verify, repair, backup, copy, rm."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caesar.cli.arguments import DEFAULT_STORE, Json, RunName, Store

__all__ = ["add_upkeep"]

_NewStore = Annotated[Path, typer.Option("--to", help="The new store: a file that is not there yet.")]


def add_upkeep(app: typer.Typer) -> None:
    """Give the application these commands."""
    for command in (verify, repair, backup, copy, rm):
        app.command()(command)


def verify(
    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Runs; all by default.")] = None,
    *,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Check every event and every text of a store; say what is damaged, from which event on."""
    from caesar.cli.store import verify_command

    raise typer.Exit(verify_command(store, tuple(runs or ()), json=json))


def repair(*, to: _NewStore, store: Store = DEFAULT_STORE, json: Json = False) -> None:
    """Copy what is sound to a new store; the damaged one stays as it is."""
    from caesar.cli.store import repair_command

    raise typer.Exit(repair_command(store, to, json=json))


def backup(*, to: _NewStore, store: Store = DEFAULT_STORE) -> None:
    """Copy the whole store as it is now, also while runs are writing to it."""
    from caesar.cli.store import backup_command

    backup_command(store, to)


def copy(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs, by name or id.")],
    *,
    to: Annotated[Path, typer.Option("--to", help="The store to copy to, made if need be.")],
    store: Store = DEFAULT_STORE,
) -> None:
    """Copy runs, and the runs they are forks of, to another store."""
    from caesar.cli.store import copy_command

    copy_command(store, runs, to)


def rm(
    run: RunName,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    store: Store = DEFAULT_STORE,
) -> None:
    """Remove a run: the rest is written to a new store, which takes the old one's place."""
    from caesar.cli.store import rm_command

    if not yes:
        typer.confirm(f"remove run {run} from {store} for good?", abort=True)
    rm_command(store, run)
