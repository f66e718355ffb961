"""The commands that work on devices, and that say what there is to work on: run, evaluate, ..., doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caesar.cli.arguments import (
    DEFAULT_ROOT,
    DEFAULT_STORE,
    Devices,
    Exclusive,
    Ids,
    Json,
    KernelBench,
    Root,
    RunName,
    Settings,
    Store,
    Suite,
    listed,
)
from caesar.cli.options import CommonOptions, RunOptions

__all__ = ["add_work"]

_Backend = Annotated[str, typer.Option("--backend", help="auto, cpu or cuda.")]


def add_work(app: typer.Typer) -> None:
    """Give the application these commands."""
    for command in (run, evaluate, baseline, rescore, devices, doctor):
        app.command()(command)


def run(
    spec: Annotated[Path, typer.Argument(help="The strategy: a YAML file (docs/specs.md).")],
    *,
    model: Annotated[
        str, typer.Option(help="A LiteLLM name, recorded/NAME, recorded:FILE or scripted:FILE.")
    ] = "",
    problems: Annotated[str, typer.Option(help="The suite: starter, kernelbench/level1, a path.")] = "",
    ids: Ids = None,
    samples: Annotated[int | None, typer.Option(help="Independent attempts at each problem.", min=1)] = None,
    turns: Annotated[int | None, typer.Option(help="Turns of each trajectory, at most.", min=1)] = None,
    name: Annotated[str, typer.Option(help="The run's name, unique in the store [default: the spec's].")] = "",
    group: Annotated[str, typer.Option(help="A name for several runs.")] = "default",
    devices: Devices = None,
    exclusive: Exclusive = False,
    settings: Settings = None,
    max_model_calls: Annotated[int | None, typer.Option(help="Model calls at once.", min=1)] = None,
    max_builds: Annotated[int | None, typer.Option(help="Builds at once.", min=1)] = None,
    max_devices: Annotated[int | None, typer.Option(help="Devices held at once.", min=1)] = None,
    store: Store = DEFAULT_STORE,
    root: Root = DEFAULT_ROOT,
    kernelbench: KernelBench = None,
    record: Annotated[
        Path | None,
        typer.Option(help="Write every completion to this file, for recorded:FILE."),
    ] = None,
    json: Json = False,
) -> None:
    """Start a run, or continue the one of that name where it stopped."""
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
        record=record,
        common=CommonOptions(tuple(devices or ()), exclusive, kernelbench, store, root, json),
    )
    raise typer.Exit(run_command(options))


def evaluate(
    file: Annotated[Path, typer.Argument(help="A candidate: a Python module with ModelNew.")],
    *,
    problem: Annotated[str, typer.Option(help="SUITE/ID (kernelbench/level1/19) or a problem's file.")],
    backend: _Backend = "auto",
    precision: Annotated[str, typer.Option(help="fp32, fp16 or bf16.")] = "fp32",
    judge: Annotated[str, typer.Option(help="caesar, kernelbench or both.")] = "caesar",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A spec's evaluation or limits (limits.evaluate=10s)."),
    ] = None,
    devices: Devices = None,
    kernelbench: KernelBench = None,
    json: Json = False,
) -> None:
    """Build and judge one candidate, without a model and without a store."""
    from caesar.cli.evaluate import EvaluateOptions, evaluate_command

    options = EvaluateOptions(
        file=file,
        problem=problem,
        backend=backend,
        precision=precision,
        judge=judge,
        settings=tuple(settings or ()),
        devices=tuple(devices or ()),
        kernelbench=kernelbench,
        json=json,
    )
    raise typer.Exit(evaluate_command(options))


def baseline(
    suite: Suite,
    *,
    ids: Ids = None,
    backend: _Backend = "auto",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An evaluation key (tf32=both); may repeat."),
    ] = None,
    devices: Devices = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Measure what is known as well.")] = False,
    kernelbench: KernelBench = None,
    json: Json = False,
) -> None:
    """Measure a suite's references, eager and compiled, and keep their times."""
    from caesar.cli.baseline import BaselineOptions, baseline_command

    options = BaselineOptions(
        suite=suite,
        ids=listed(ids),
        backend=backend,
        settings=tuple(settings or ()),
        devices=tuple(devices or ()),
        refresh=refresh,
        kernelbench=kernelbench,
        json=json,
    )
    raise typer.Exit(baseline_command(options))


def rescore(
    run: RunName,
    *,
    judge: Annotated[str, typer.Option(help="Who judges again: kernelbench.")] = "kernelbench",
    every: Annotated[
        bool, typer.Option("--all", help="Every candidate that was evaluated, not only those that passed.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Those that were rescored before, too.")] = False,
    devices: Devices = None,
    kernelbench: KernelBench = None,
    store: Store = DEFAULT_STORE,
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


def devices(
    *,
    lift: Annotated[
        str, typer.Option(metavar="DEVICE", help="End a device's quarantine, if it passes its probe.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every second.")] = False,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Show who holds which device, since when and for what, who waits, and what is in quarantine."""
    from caesar.cli.devices import devices_command

    raise typer.Exit(devices_command(store, lift=lift or None, watch=watch, json=json))


def doctor(*, kernelbench: KernelBench = None, json: Json = False) -> None:
    """Tell what works on this machine, and what to do about what does not."""
    from caesar.cli.doctor import doctor_command

    raise typer.Exit(doctor_command(kernelbench=kernelbench, json=json))


def _overrides(*flags: dict[str, object], ids: list[str] | None) -> dict[str, object]:
    """What the flags override in the spec. Another suite drops the spec's ids: they were not its."""
    given = {key: value for group in flags for key, value in group.items() if value}
    if "problems.suite" in given:
        given["problems"] = {"suite": given.pop("problems.suite")}
    if ids:
        given["problems.ids"] = list(listed(ids))
    return given
