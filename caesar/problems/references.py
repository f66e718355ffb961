"""Reference sources in KernelBench's format, read as text and never executed.

A reference is somebody else's code: here it is parsed to see that it has the format's three parts
and which packages it would import, and nothing more.
"""

from __future__ import annotations

import ast
import re
import warnings
from importlib.util import find_spec
from pathlib import Path

from caesar.domain import Problem
from caesar.errors import UsageError

__all__ = ["PARTS", "missing_packages", "problem_from", "problem_of"]

PARTS = ("Model", "get_inputs", "get_init_inputs")
"""What a reference defines at its top level."""

_NUMBERED = re.compile(r"([0-9]+)_(.+)")


def _named(stem: str) -> tuple[str, str]:
    """The id and the name in a file's stem: "19_ReLU" is 19 and ReLU; without a number both are the stem."""
    match = _NUMBERED.fullmatch(stem)
    return (match[1], match[2]) if match else (stem, stem)


def problem_from(file: Path, *, suite: str, level: int | None = None) -> Problem:
    """The problem in a file; UsageError, with file and line, where it has not the format."""
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} can't be read as a problem: {error}") from error
    return problem_of(source, stem=file.stem, suite=suite, level=level, where=str(file))


def problem_of(source: str, *, stem: str, suite: str, level: int | None, where: str) -> Problem:
    """The problem in a text that came from `where`; UsageError where it has not the format."""
    missing = [part for part in PARTS if part not in _defined(_parsed(source, where))]
    if missing:
        raise UsageError(
            f"{where} is not in KernelBench's format: it defines no {', no '.join(missing)};"
            " a problem is a module with the class Model and the functions get_inputs and get_init_inputs"
        )
    identity, name = _named(stem)
    return Problem(suite, identity, name, source, level)


def missing_packages(problem: Problem) -> tuple[str, ...]:
    """The top-level packages that the reference imports and that are not installed here, sorted.

    Nothing is imported to find out; a package that is installed but broken counts as present.
    """
    tree = _parsed(problem.source, f"{problem.suite}/{problem.id}")
    return tuple(sorted(package for package in _imported(tree) if find_spec(package) is None))


def _parsed(source: str, where: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about somebody else's source: nothing to act on
            return ast.parse(source)
    except SyntaxError as error:
        raise UsageError(f"{where}:{error.lineno}: not Python: {error.msg}") from error
    except ValueError as error:
        raise UsageError(f"{where} is not Python: {error}") from error


def _defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names.update(target.id for target in targets if isinstance(target, ast.Name))
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name for alias in aliases)
    return names


def _imported(tree: ast.Module) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                modules.update(alias.name for alias in aliases)
            case ast.ImportFrom(module=str(module), level=0):
                modules.add(module)
    return {module.partition(".")[0] for module in modules}
