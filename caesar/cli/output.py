"""Printing: JSON documents, tables, and untrusted text made safe for a terminal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress

__all__ = [
    "clear_screen",
    "counted",
    "emit_json",
    "emit_rows",
    "emit_table",
    "emit_text",
    "note",
    "one_line",
    "printable",
    "ratio",
]

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_NUMBER = re.compile(r"-|[-+]?[\d.]+(e[-+]?\d+)?[x%]?")


def printable(text: str) -> str:
    """The text without control characters: what a candidate wrote can't move the cursor."""
    return _UNPRINTABLE.sub("\ufffd", text)


def one_line(text: str) -> str:
    """The text on one line: what a candidate wrote can't pass for a line of ours."""
    return " ".join(printable(text).split())


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 trajectory, 2 trajectories."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def ratio(speedup: float) -> str:
    """A speedup with two decimals, and with two digits where those would be lost: 1.25, 0.64, 0.0012."""
    return f"{speedup:.2f}" if speedup >= 0.1 else f"{speedup:.2g}"  # noqa: PLR2004 - where two decimals hold two digits


def emit_text(text: str) -> None:
    """Print a line on stdout."""
    sys.stdout.write(printable(text) + "\n")


def clear_screen() -> None:
    """Begin again at the top, on a terminal."""
    if sys.stdout.isatty():
        sys.stdout.write("\x1b[H\x1b[J")


def note(text: str) -> None:
    """Print a line on stderr: progress and diagnostics, which nobody has to be reading."""
    with suppress(OSError, ValueError, AttributeError):  # closed, full, or absent from the start
        sys.stderr.write(printable(text) + "\n")
        sys.stderr.flush()


def emit_json(value: object) -> None:
    """Print one JSON document on stdout, what a terminal could act on escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(_UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def emit_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their headings, numbers to the right, absent values as a dash."""
    cells = [[_cell(value) for value in row] for row in rows]
    right = [bool(cells) and all(_NUMBER.fullmatch(row[i]) for row in cells) for i in range(len(columns))]
    emit_rows(columns, cells, right=right)


def emit_rows(columns: Sequence[str], cells: Iterable[Sequence[str]], *, right: Sequence[bool]) -> None:
    """Print texts in columns as wide as they need."""
    lines = [list(columns), *(list(row) for row in cells)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        padded = (
            text.rjust(width) if to_the_right else text.ljust(width)
            for text, width, to_the_right in zip(line, widths, right, strict=True)
        )
        emit_text("  ".join(padded).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return one_line(str(value))
