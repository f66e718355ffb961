"""The `caesar` command: every verb, its options, and what its exit status means.

Only typer is imported at the top: each command imports what it needs, so that `--help` stays fast
and GPU nodes need neither duckdb nor litellm. Exit status: 0 done, 1 the work ended short, 2 wrong
usage or a wrong spec, 130 interrupted.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, TextIO

import typer

from caesar.cli.again import add_again
from caesar.cli.arguments import DEFAULT_STORE, Json, KernelBench, RunName, Store
from caesar.cli.upkeep import add_upkeep

__all__ = ["app", "main"]

_STORE = DEFAULT_STORE

app = typer.Typer(
    name="caesar",
    help="Multi-turn LLM kernel generation on KernelBench: strategies in YAML, an event for every change.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)
spec_app = typer.Typer(help="Check specs and print their schema.", rich_markup_mode=None, no_args_is_help=True)
problems_app = typer.Typer(help="List and show problems.", rich_markup_mode=None, no_args_is_help=True)
app.add_typer(spec_app, name="spec")
app.add_typer(problems_app, name="problems")
add_again(app)
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


@app.command()
def run(
    spec: Annotated[Path, typer.Argument(help="The strategy: a YAML file (docs/specs.md).")],
    *,
    model: Annotated[
        str, typer.Option(help="A LiteLLM name, recorded/NAME, recorded:FILE or scripted:FILE.")
    ] = "",
    problems: Annotated[str, typer.Option(help="The suite: starter, kernelbench/level1, a path.")] = "",
    ids: Annotated[list[str] | None, typer.Option(help="Problem ids or ranges (10-20); may repeat.")] = None,
    samples: Annotated[int | None, typer.Option(help="Independent attempts at each problem.", min=1)] = None,
    turns: Annotated[int | None, typer.Option(help="Turns of each trajectory, at most.", min=1)] = None,
    name: Annotated[str, typer.Option(help="The run's name, unique in the store [default: the spec's].")] = "",
    group: Annotated[str, typer.Option(help="A name for several runs.")] = "default",
    devices: Annotated[list[str] | None, typer.Option(help="Devices: GPU UUIDs, indices, cpu:N.")] = None,
    exclusive: Annotated[
        bool, typer.Option("--exclusive", help="Use a GPU only while no stranger's process is on it.")
    ] = False,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a spec key (a.b=value).")
    ] = None,
    max_model_calls: Annotated[int | None, typer.Option(help="Model calls at once.", min=1)] = None,
    max_builds: Annotated[int | None, typer.Option(help="Builds at once.", min=1)] = None,
    max_devices: Annotated[int | None, typer.Option(help="Devices held at once.", min=1)] = None,
    store: Store = _STORE,
    root: Annotated[Path, typer.Option(help="Where log.json files are exported to.")] = Path("runs"),
    kernelbench: KernelBench = None,
    record: Annotated[
        Path | None,
        typer.Option(help="Write every completion to this file, for recorded:FILE."),
    ] = None,
    json: Json = False,
) -> None:
    """Start a run, or continue the one of that name where it stopped."""
    from caesar.cli.options import RunOptions
    from caesar.cli.run import run_command

    options = RunOptions(
        spec=spec,
        overrides=_overrides(
            {"model.name": model, "problems.suite": problems, "samples": samples, "budget.turns": turns},
            {
                "concurrency.models": max_model_calls,
                "concurrency.builds": max_builds,
                "concurrency.devices": max_devices,
            },
            ids=ids,
        ),
        settings=tuple(settings or ()),
        name=name or None,
        group=group,
        devices=tuple(devices or ()),
        exclusive=exclusive,
        store=store,
        root=root,
        kernelbench=kernelbench,
        record=record,
        json=json,
    )
    raise typer.Exit(run_command(options))


@app.command()
def doctor(*, kernelbench: KernelBench = None, json: Json = False) -> None:
    """Tell what works on this machine, and what to do about what does not."""
    from caesar.cli.doctor import doctor_command

    raise typer.Exit(doctor_command(kernelbench=kernelbench, json=json))


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="A candidate: a Python module with ModelNew.")],
    *,
    problem: Annotated[str, typer.Option(help="SUITE/ID (kernelbench/level1/19) or a problem's file.")],
    backend: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="fp32, fp16 or bf16.")] = "fp32",
    judge: Annotated[str, typer.Option(help="caesar, kernelbench or both.")] = "caesar",
    devices: Annotated[list[str] | None, typer.Option(help="Devices: GPU UUIDs, indices, cpu:N.")] = None,
    kernelbench: KernelBench = None,
    json: Json = False,
) -> None:
    """Build and judge one candidate, without a model and without a store."""
    from caesar.cli.evaluate import evaluate_command

    status = evaluate_command(
        file,
        problem=problem,
        backend=backend,
        precision=precision,
        judge=judge,
        devices=tuple(devices or ()),
        kernelbench=kernelbench,
        json=json,
    )
    raise typer.Exit(status)


@app.command()
def baseline(
    suite: Annotated[str, typer.Argument(help="starter, kernelbench/level1, hub/level1, a path.")],
    *,
    ids: Annotated[list[str] | None, typer.Option(help="Problem ids or ranges (10-20); may repeat.")] = None,
    backend: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An evaluation key (tf32=both); may repeat."),
    ] = None,
    devices: Annotated[list[str] | None, typer.Option(help="Devices: GPU UUIDs, indices, cpu:N.")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Measure what is known as well.")] = False,
    kernelbench: KernelBench = None,
    json: Json = False,
) -> None:
    """Measure a suite's references, eager and compiled, and keep their times."""
    from caesar.cli.baseline import BaselineOptions, baseline_command

    options = BaselineOptions(
        suite=suite,
        ids=tuple(part for text in ids or () for part in text.split(",") if part),
        backend=backend,
        settings=tuple(settings or ()),
        devices=tuple(devices or ()),
        refresh=refresh,
        kernelbench=kernelbench,
        json=json,
    )
    raise typer.Exit(baseline_command(options))


@app.command()
def status(*, store: Store = _STORE, json: Json = False) -> None:
    """List the store's runs, newest first, and how their trajectories stand."""
    from caesar.cli.look import status_command

    status_command(store, json=json)


@app.command()
def show(
    run: RunName,
    problem: Annotated[str, typer.Argument(help="A problem's id.")],
    sample: Annotated[int, typer.Argument(help="A sample, from 0.")] = 0,
    *,
    turn: Annotated[
        int | None, typer.Option(help="Print this turn's prompt, completion, log and feedback.", min=1)
    ] = None,
    store: Store = _STORE,
    json: Json = False,
) -> None:
    """Show one trajectory turn by turn, or everything about one turn."""
    from caesar.cli.look import show_command

    show_command(store, run, problem, sample=sample, turn=turn, json=json)


@app.command()
def report(
    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Runs; all by default.")] = None,
    *,
    store: Store = _STORE,
    json: Json = False,
) -> None:
    """Report fast_p by turn and the speedups by problem."""
    from caesar.cli.report import report_command

    report_command(store, tuple(runs or ()), json=json)


@app.command()
def rescore(
    run: RunName,
    *,
    judge: Annotated[str, typer.Option(help="Who judges again: kernelbench.")] = "kernelbench",
    every: Annotated[
        bool, typer.Option("--all", help="Every candidate that was evaluated, not only those that passed.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Those that were rescored before, too.")] = False,
    devices: Annotated[list[str] | None, typer.Option(help="Devices: GPU UUIDs, indices.")] = None,
    kernelbench: KernelBench = None,
    store: Store = _STORE,
    json: Json = False,
) -> None:
    """Have KernelBench judge a run's candidates afterwards, and record what it says beside ours."""
    from caesar.cli.rescore import RescoreOptions, rescore_command

    options = RescoreOptions(
        run=run,
        judge=judge,
        every=every,
        again=again,
        devices=tuple(devices or ()),
        kernelbench=kernelbench,
        store=store,
        json=json,
    )
    raise typer.Exit(rescore_command(options))


@app.command()
def export(
    run: RunName,
    *,
    to: Annotated[Path, typer.Option(help="The folder to write under.")],
    store: Store = _STORE,
) -> None:
    """Rebuild upstream's layout (log.json, config.json, DONE) from the log."""
    from caesar.cli.report import export_command

    export_command(store, run, to=to)


@app.command()
def devices(
    *,
    lift: Annotated[
        str, typer.Option(metavar="DEVICE", help="End a device's quarantine, if it passes its probe.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every second.")] = False,
    store: Store = _STORE,
    json: Json = False,
) -> None:
    """Show who holds which device, since when and for what, who waits, and what is in quarantine."""
    from caesar.cli.devices import devices_command

    raise typer.Exit(devices_command(store, lift=lift or None, watch=watch, json=json))


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="A DuckDB query over the views of analysis/00_views.sql.")],
    *,
    runs: Annotated[list[str] | None, typer.Option("--run", help="Only these runs; all by default.")] = None,
    store: Store = _STORE,
    json: Json = False,
) -> None:
    """Query the log with SQL (analysis/README.md describes the views)."""
    from caesar.cli.report import sql_command

    sql_command(store, query, tuple(runs or ()), json=json)


@spec_app.command("check")
def spec_check(
    files: Annotated[list[Path], typer.Argument(metavar="SPEC...", help="YAML files.")],
    *,
    json: Json = False,
) -> None:
    """Check specs: syntax, names, outcomes, reachability, a way to finish."""
    from caesar.cli.spec import check_command

    raise typer.Exit(check_command(files, json=json))


@spec_app.command("schema")
def spec_schema() -> None:
    """Print the JSON Schema of specs (draft 2020-12)."""
    from caesar.cli.spec import schema_command

    schema_command()


@problems_app.command("list")
def problems_list(
    suite: Annotated[str, typer.Argument(help="starter, kernelbench/level1, hub/level1, a path.")] = "starter",
    *,
    kernelbench: KernelBench = None,
    json: Json = False,
) -> None:
    """List a suite's problems."""
    from caesar.cli.problems import list_command

    list_command(suite, kernelbench=kernelbench, json=json)


@problems_app.command("show")
def problems_show(
    problem: Annotated[str, typer.Argument(help="SUITE/ID or a file.")],
    *,
    kernelbench: KernelBench = None,
    json: Json = False,
) -> None:
    """Print a problem's reference source."""
    from caesar.cli.problems import show_command

    show_command(problem, kernelbench=kernelbench, json=json)


@problems_app.command("audit")
def problems_audit(
    suite: Annotated[str, typer.Argument(help="starter, kernelbench/level1, hub/level1, a path.")] = "starter",
    *,
    ids: Annotated[list[str] | None, typer.Option(help="Problem ids or ranges (10-20); may repeat.")] = None,
    precision: Annotated[str, typer.Option(help="fp32, fp16 or bf16: the tolerance to pass.")] = "fp32",
    limit: Annotated[float, typer.Option(help="Seconds for each problem.", min=1)] = 300.0,
    kernelbench: KernelBench = None,
    json: Json = False,
) -> None:
    """Tell which problems a candidate would pass that computes nothing."""
    from caesar.cli.audit import audit_command

    chosen = tuple(part for text in ids or () for part in text.split(",") if part)
    status = audit_command(
        suite, ids=chosen, precision=precision, limit_s=limit, kernelbench=kernelbench, json=json
    )
    raise typer.Exit(status)


def _overrides(*flags: dict[str, object], ids: list[str] | None) -> dict[str, object]:
    """What the flags override in the spec. Another suite drops the spec's ids: they were not its."""
    given = {key: value for group in flags for key, value in group.items() if value}
    if "problems.suite" in given:
        given["problems"] = {"suite": given.pop("problems.suite")}
    if ids:
        given["problems.ids"] = [part for text in ids for part in text.split(",") if part]
    return given


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
