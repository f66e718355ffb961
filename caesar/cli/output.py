"""Printing: JSON documents, tables, and untrusted text made safe for a terminal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence

__all__ = ["emit_json", "emit_table", "emit_text", "note", "printable"]

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text without control characters: what a candidate wrote can't move the cursor."""
    return _UNPRINTABLE.sub("\ufffd", text)


def emit_text(text: str) -> None:
    """Print a line on stdout."""
    sys.stdout.write(printable(text) + "\n")


def note(text: str) -> None:
    """Print a line on stderr: progress and diagnostics."""
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()


def emit_json(value: object) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def emit_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their headings, numbers to the right, absent values as a dash."""
    cells = [[_cell(value) for value in row] for row in rows]
    numeric = [all(_is_number(row[i]) for row in cells) for i in range(len(columns))]
    widths = [max(len(line[i]) for line in (list(columns), *cells)) for i in range(len(columns))]
    for line in (list(columns), *cells):
        padded = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        )
        emit_text("  ".join(padded).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"  # noqa: PLR2004 (digits, not policy)
    return printable(str(value)).replace("\n", " ")


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-|[-+]?[\d.]+(e[-+]?\d+)?[x%]?", text))
