"""The build child: executes a candidate's module, which compiles whatever it compiles, and says how it went.

Runs inside a sandboxed child only. What it replies is the candidate's word: the same process.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, TracebackType

from caesar.sandbox.candidate import FILENAME, MODULE, compile_candidate, load_candidate

__all__ = ["BUILT", "REASONS", "build"]

BUILT = "built"
REASONS = ("syntax_error", "no_model", "compiler_error", "import_error")
"""What the child may reply, but for BUILT; everything else is seen from outside."""

_COMPILING = "_run_ninja_build"


def build(payload: bytes, reply: Callable[[bytes], None]) -> None:
    """Load the candidate that the payload is, in this folder; reply BUILT or one of REASONS."""
    reply(_reason(payload.decode()).encode())


def _reason(source: str) -> str:
    try:
        compile_candidate(source)
    except SyntaxError as error:
        _tell("".join(traceback.format_exception_only(error)))
        return "syntax_error"
    try:
        module = load_candidate(source, folder=Path.cwd(), name=MODULE)
    except Exception as error:  # noqa: BLE001 - a candidate may raise anything; that is its build's failure
        return _failure(error)
    return _checked(module)


def _checked(module: ModuleType) -> str:
    if isinstance(getattr(module, "ModelNew", None), type):
        return BUILT
    _tell("the module defines no class ModelNew\n")
    return "no_model"


def _failure(error: Exception) -> str:
    if _came_from_compiling(error.__traceback__):
        _tell(f"{error}\n")
        return "compiler_error"
    _tell("".join(_candidates_own(error).format()))
    return "import_error"


def _came_from_compiling(trace: TracebackType | None) -> bool:
    return any(frame.f_code.co_name == _COMPILING for frame, _line in traceback.walk_tb(trace))


def _candidates_own(error: BaseException) -> traceback.TracebackException:
    """The error's traceback, and those of its causes, with the candidate's frames only."""
    told = traceback.TracebackException.from_exception(error)
    chain = [told]
    while chain:
        link = chain.pop()
        link.stack = traceback.StackSummary.from_list(f for f in link.stack if f.filename == FILENAME)
        chain += [cause for cause in (link.__cause__, link.__context__) if cause]
    return told


def _tell(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(text)
