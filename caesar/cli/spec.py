"""`caesar spec check` and `caesar spec schema`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from caesar.cli.files import read_spec
from caesar.cli.output import emit_json, emit_text, note
from caesar.errors import UsageError
from caesar.fsm.spec import load, schema

__all__ = ["check_command", "schema_command"]


def check_command(files: Sequence[Path]) -> int:
    """Check every file; 0 if all are sound, else 2, with every defect on stderr."""
    status = 0
    for file in files:
        try:
            spec = load(read_spec(file), file=str(file))
        except UsageError as error:
            note(str(error))
            status = 2
        else:
            emit_text(f"{file}: {spec.name}, {len(spec.states)} states, sound")
    return status


def schema_command() -> None:
    """Print the JSON Schema."""
    emit_json(schema())
