"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["DEFAULT_STORE", "Devices", "Json", "KernelBench", "Root", "RunName", "Store"]

DEFAULT_STORE = Path("runs/caesar.db")

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
