"""The `caesar` command: its verbs, and what its exit status means.

Only typer is imported at the top: each command imports what it needs, so that `--help` stays fast
and GPU nodes need neither duckdb nor litellm. Exit status: 0 done, 1 the work ended short, 2 wrong
usage or a wrong spec, 130 interrupted.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated, TextIO

import typer

from caesar.cli.again import add_again
from caesar.cli.tell import add_tell
from caesar.cli.upkeep import add_upkeep
from caesar.cli.work import add_work

__all__ = ["app", "main"]

app = typer.Typer(
    name="caesar",
    help="Multi-turn LLM kernel generation on KernelBench: strategies in YAML, an event for every change.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)
add_work(app)
add_again(app)
add_tell(app)
add_upkeep(app)


def _version(asked: bool) -> None:  # noqa: FBT001 (typer calls it so)
    if asked:
        from importlib.metadata import version

        typer.echo(f"caesar {version('caesar')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The options before any command."""


def main() -> None:
    """Run the command line; errors Caesar can name end in one sentence on stderr."""
    from caesar.cli.output import note
    from caesar.errors import CaesarError, UsageError
    from caesar.fsm.defects import SpecError

    status = 0
    try:
        _accept_any_encoding()
        app()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except SpecError as error:
        note(str(error))  # each line begins with its place, as editors expect
        status = 2
    except UsageError as error:
        note(f"caesar: {error}")
        status = 2
    except CaesarError as error:
        note(f"caesar: {error}")
        status = 1
    except KeyboardInterrupt:
        note("caesar: interrupted; the same command continues")
        status = 130
    except OSError as error:
        note(f"caesar: {error}")
        status = 1
    sys.exit(_flushed(status))


def _accept_any_encoding() -> None:
    """Let a terminal that can't show a character show its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flushed(status: int) -> int:
    """The exit status once what was printed has left: 1 where nobody took what stdout said."""
    if not _left(sys.stderr):
        sys.stderr = None  # else the interpreter fails to flush it at exit
    if _left(sys.stdout):
        return status
    sys.stdout = None
    return status or 1


def _left(stream: TextIO | None) -> bool:
    try:
        if stream is not None:
            stream.flush()
    except (OSError, ValueError):
        return False
    return True
