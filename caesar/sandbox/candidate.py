"""Executing a candidate's source as a module: what builders and evaluators do alike, in a child only.

Nothing here may import torch: the candidate does, and the zygote has.
"""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from types import CodeType, ModuleType

__all__ = ["FILENAME", "MODULE", "compile_candidate", "load_candidate"]

FILENAME = "candidate.py"
"""What tracebacks call the candidate, wherever its folder is."""

MODULE = "candidate"
"""The module's name in builds; used in evaluations too, since extensions may be named after it."""


def compile_candidate(source: str) -> CodeType:
    """The source's code; SyntaxError for whatever the compiler refuses, NUL bytes and depth included."""
    try:
        return compile(source, FILENAME, "exec", dont_inherit=True)
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise SyntaxError(f"Python can't compile this source: {error or type(error).__name__}") from None


def load_candidate(source: str, *, folder: Path, name: str) -> ModuleType:
    """The candidate as the executed module `name`, registered in sys.modules.

    Its source lies in the folder as candidate.py, so that inspect (and with it Triton) finds it.
    Raises SyntaxError before anything of it ran, and whatever its execution raises.
    """
    code = compile_candidate(source)
    path = folder / FILENAME
    path.write_bytes(source.encode("utf-8", "replace"))
    linecache.cache[FILENAME] = (len(source), None, source.splitlines(keepends=True), FILENAME)
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(code, module.__dict__)  # noqa: S102 - executing candidates is what this child is for
    return module
