"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "DEFAULT_ROOT",
    "DEFAULT_STORE",
    "Devices",
    "Exclusive",
    "Ids",
    "Json",
    "KernelBench",
    "Root",
    "RunName",
    "Settings",
    "Store",
    "Suite",
    "listed",
]

DEFAULT_STORE = Path("runs/caesar.db")
DEFAULT_ROOT = Path("runs")

Store = Annotated[
    Path, typer.Option("--store", envvar="CAESAR_STORE", help="The event store; many runs share one.")
]
KernelBench = Annotated[
    Path | None,
    typer.Option("--kernelbench", envvar="KERNELBENCH_ROOT", help="A checkout of KernelBench."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's name or id.")]
Root = Annotated[Path, typer.Option("--root", help="Where log.json files are exported to.")]
Devices = Annotated[list[str] | None, typer.Option("--devices", help="Devices: GPU UUIDs, indices, cpu:N.")]
Exclusive = Annotated[
    bool, typer.Option("--exclusive", help="Use a GPU only while no stranger's process is on it.")
]
Suite = Annotated[str, typer.Argument(help="starter, kernelbench/level1, hub/level1, a path.")]
Ids = Annotated[list[str] | None, typer.Option("--ids", help="Problem ids or ranges (10-20); may repeat.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a spec key (a.b=value).")
]


def listed(values: Sequence[str] | None) -> tuple[str, ...]:
    """The parts of an option that may be repeated and may hold several values between commas."""
    return tuple(part for value in values or () for part in value.split(",") if part)
