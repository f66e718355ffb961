"""`caesar spec check` and `caesar spec schema`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from caesar.cli.files import read_spec
from caesar.cli.output import emit_json, emit_text, note
from caesar.errors import UsageError
from caesar.fsm.spec import Spec, SpecError, load, schema

__all__ = ["check_command", "schema_command"]


def check_command(files: Sequence[Path], *, json: bool) -> int:
    """Check every file; 0 if all are sound, else 2, with every defect on stderr (or in the document)."""
    found = [(file, *_checked(file)) for file in files]
    if json:
        emit_json([_document(file, spec, error) for file, spec, error in found])
    for file, spec, error in () if json else found:
        if error is not None:
            note(str(error))
        if spec is not None:
            emit_text(f"{file}: {spec.name}, {len(spec.states)} states, sound")
    return 2 if any(error is not None for _, _, error in found) else 0


def _checked(file: Path) -> tuple[Spec | None, UsageError | None]:
    try:
        return load(read_spec(file), file=str(file)), None
    except UsageError as error:
        return None, error


def _document(file: Path, spec: Spec | None, error: UsageError | None) -> dict[str, object]:
    """A file's result: {file, name, sound, defects: [{line, column, message, hint}]}."""
    defects = error.problems if isinstance(error, SpecError) else ()
    told: list[dict[str, object]] = [
        {"line": one.line, "column": one.column, "message": one.message, "hint": one.hint} for one in defects
    ]
    if error is not None and not told:
        told = [{"line": None, "column": None, "message": str(error), "hint": None}]
    return {"file": str(file), "name": spec.name if spec else None, "sound": spec is not None, "defects": told}


def schema_command() -> None:
    """Print the JSON Schema."""
    emit_json(schema())
