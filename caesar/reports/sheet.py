"""A table for people: named columns, each with its form and unit, and values that are rounded only here.

Pure, and about no table in particular.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Column", "Form", "Sheet", "cell"]

_ABSENT = "-"


class Form(StrEnum):
    """How a column's values are written for people."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"
    SPEEDUP = "speedup"
    MILLISECONDS = "milliseconds"
    SECONDS = "seconds"
    USD = "usd"

    @property
    def numeric(self) -> bool:
        """Whether cells line up on the right."""
        return self is not Form.TEXT


_FORMATS = {
    Form.TEXT: "{}",
    Form.COUNT: "{:,}",
    Form.SHARE: "{:.1%}",
    Form.SPEEDUP: "{:.2f}x",
    Form.MILLISECONDS: "{:,.4f}",
    Form.SECONDS: "{:,.1f}",
    Form.USD: "{:,.4f}",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column for people."""

    title: str
    form: Form = Form.TEXT
    unit: str | None = None
    """ms, s, USD; None where the cell says it or there is none."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table for people, its values not yet rounded."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[object, ...], ...]

    @property
    def cells(self) -> tuple[tuple[str, ...], ...]:
        """The rows as texts, rounded to what can be read."""
        return tuple(
            tuple(cell(value, form=column.form) for column, value in zip(self.columns, row, strict=True))
            for row in self.rows
        )


def cell(value: object, *, form: Form) -> str:
    """A value as people read it; a dash where it is absent."""
    return _ABSENT if value is None else _FORMATS[form].format(value)
