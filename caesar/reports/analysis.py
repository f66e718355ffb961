"""The files of analysis/, as the installed package holds them."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from caesar.errors import UsageError

__all__ = ["query_names", "query_text", "views_text"]

_VIEWS = "00_views"
_SUFFIX = ".sql"


def views_text() -> str:
    """The views that every query reads."""
    return _folder().joinpath(_VIEWS + _SUFFIX).read_text(encoding="utf-8")


def query_names() -> tuple[str, ...]:
    """The names of the queries that can be run, sorted."""
    entries = (entry.name for entry in _folder().iterdir())
    names = (name.removesuffix(_SUFFIX) for name in entries if name.endswith(_SUFFIX))
    return tuple(sorted(name for name in names if name != _VIEWS))


def query_text(name: str) -> str:
    """The SQL of a query; UsageError, naming those there are, where there is none of that name."""
    if name not in query_names():
        raise UsageError(f"there is no query {name!r} in analysis/; there are {', '.join(query_names())}")
    return _folder().joinpath(name + _SUFFIX).read_text(encoding="utf-8")


def _folder() -> Traversable:
    return files("caesar") / "analysis"
