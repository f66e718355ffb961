"""The commands that only read: what a store holds, and what specs and problems say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caesar.cli.arguments import DEFAULT_STORE, Ids, Json, KernelBench, RunName, Store, Suite, listed

__all__ = ["add_tell"]


def add_tell(app: typer.Typer) -> None:
    """Give the application these commands."""
    for command in (status, show, report, sql, export):
        app.command()(command)
    spec = typer.Typer(help="Check specs and print their schema.", rich_markup_mode=None, no_args_is_help=True)
    spec.command("check")(spec_check)
    spec.command("schema")(spec_schema)
    problems = typer.Typer(help="List, show and audit problems.", rich_markup_mode=None, no_args_is_help=True)
    for name, listing in (("list", problems_list), ("show", problems_show), ("audit", problems_audit)):
        problems.command(name)(listing)
    app.add_typer(spec, name="spec")
    app.add_typer(problems, name="problems")


def status(*, store: Store = DEFAULT_STORE, json: Json = False) -> None:
    """List the store's runs, newest first, and how their trajectories stand."""
    from caesar.cli.look import status_command

    status_command(store, json=json)


def show(
    run: RunName,
    problem: Annotated[str, typer.Argument(help="A problem's id.")],
    sample: Annotated[int, typer.Argument(help="A sample, from 0.")] = 0,
    *,
    turn: Annotated[
        int | None,
        typer.Option(help="Print this turn's evaluation, prompt, completion, log and feedback.", min=1),
    ] = None,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Show one trajectory turn by turn, or everything about one turn."""
    from caesar.cli.look import show_command

    show_command(store, run, problem, sample=sample, turn=turn, json=json)


def report(
    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Runs; all by default.")] = None,
    *,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Report fast_p by turn, the speedups by problem, and what puts them in doubt."""
    from caesar.cli.report import report_command

    report_command(store, tuple(runs or ()), json=json)


def sql(
    query: Annotated[str, typer.Argument(help="A DuckDB query over the views of analysis/00_views.sql.")],
    *,
    runs: Annotated[list[str] | None, typer.Option("--run", help="Only these runs; all by default.")] = None,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Query the log with SQL (analysis/README.md describes the views)."""
    from caesar.cli.report import sql_command

    sql_command(store, query, tuple(runs or ()), json=json)


def export(
    run: RunName,
    *,
    to: Annotated[Path, typer.Option(help="The folder to write under.")],
    store: Store = DEFAULT_STORE,
) -> None:
    """Rebuild upstream's layout (log.json, config.json, DONE) from the log."""
    from caesar.cli.report import export_command

    export_command(store, run, to=to)


def spec_check(
    files: Annotated[list[Path], typer.Argument(metavar="SPEC...", help="YAML files.")],
    *,
    json: Json = False,
) -> None:
    """Check specs: syntax, names, outcomes, reachability, a way to finish."""
    from caesar.cli.spec import check_command

    raise typer.Exit(check_command(files, json=json))


def spec_schema() -> None:
    """Print the JSON Schema of specs (draft 2020-12)."""
    from caesar.cli.spec import schema_command

    schema_command()


def problems_list(
    suite: Suite = "starter",
    *,
    kernelbench: KernelBench = None,
    json: Json = False,
) -> None:
    """List a suite's problems."""
    from caesar.cli.problems import list_command

    list_command(suite, kernelbench=kernelbench, json=json)


def problems_show(
    problem: Annotated[str, typer.Argument(help="SUITE/ID or a file.")],
    *,
    kernelbench: KernelBench = None,
    json: Json = False,
) -> None:
    """Print a problem's reference source."""
    from caesar.cli.problems import show_command

    show_command(problem, kernelbench=kernelbench, json=json)


def problems_audit(
    suite: Suite = "starter",
    *,
    ids: Ids = None,
    precision: Annotated[str, typer.Option(help="fp32, fp16 or bf16: the tolerance to pass.")] = "fp32",
    limit: Annotated[float, typer.Option(help="Seconds for each problem.", min=1)] = 300.0,
    kernelbench: KernelBench = None,
    json: Json = False,
) -> None:
    """Tell which problems a candidate would pass that computes nothing."""
    from caesar.cli.audit import audit_command

    status = audit_command(
        suite, ids=listed(ids), precision=precision, limit_s=limit, kernelbench=kernelbench, json=json
    )
    raise typer.Exit(status)
