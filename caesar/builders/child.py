"""The build child: executes a candidate's module, hands over the extensions it asks for, says how it went.

Runs inside a sandboxed child only. What it replies is the candidate's word: the same process. It
compiles nothing: what load_inline is called with goes to the supervisor as data, a library comes back.
"""

from __future__ import annotations

import ast
import ctypes
import json
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from caesar.builders.requests import Answer, recv_answer, send_request
from caesar.sandbox.candidate import FILENAME, MODULE, compile_candidate, load_candidate
from caesar.sandbox.extensions import CompilationError, Extension, intercept

__all__ = ["BUILT", "LOADED", "REASONS", "build", "loads_late"]

BUILT = "built"
LOADED = "loaded"
"""Said once the module is there, before ModelNew is constructed: what happens after that fails no build."""
REASONS = ("syntax_error", "no_model", "compiler_error", "import_error")
"""What the child may reply besides; everything else is seen from outside."""

_LOADERS = frozenset({"load_inline", "load", "_jit_compile"})
_LOOKED_AT_CHARS = 1 << 18


def build(payload: bytes, reply: Callable[[bytes], None], channel: int) -> None:
    """Load the candidate in this folder, and construct it where it compiles late; reply how that went."""
    work = json.loads(payload)
    intercept(_Supplier(socket.socket(fileno=channel)).library)
    source = work["source"]
    reason = _loading(source)
    if reason == BUILT and work["reference"] is not None:
        reply(LOADED.encode())
        reason = _constructing(work["reference"])
    reply(reason.encode())


def loads_late(source: str) -> bool:
    """Whether a source calls a loader elsewhere than at module level; False for what is no Python.

    Time is linear in the source's length; one that is longer than anybody writes is not looked at.
    """
    if len(source) > _LOOKED_AT_CHARS or not any(name in source for name in _LOADERS):
        return False
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, inside = waiting.pop()
        if inside and _is_loader(node):
            return True
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        waiting += ((child, inside) for child in ast.iter_child_nodes(node))
    return False


def _is_loader(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    return name in _LOADERS


class _Supplier:
    """The supervisor, as the place where libraries come from."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._folder = Path.cwd() / f".extensions-{os.getpid()}"

    def library(self, extension: Extension) -> Path:
        """The extension's library, which can be loaded; CompilationError where it can't be compiled."""
        path = self._supplied(extension, real=False)
        if _problem_with(path) is None:
            return path
        return self._supplied(extension, real=True)

    def _supplied(self, extension: Extension, *, real: bool) -> Path:
        with self._lock:
            send_request(self._channel, {"extension": asdict(extension), "real": real})
            answer = recv_answer(self._channel)
        return self._written(answer, extension, real=real)

    def _written(self, answer: Answer, extension: Extension, *, real: bool) -> Path:
        if answer.library is None:
            raise CompilationError(answer.error)
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"{extension.digest[:16]}{'-real' if real else ''}.so"
        path.write_bytes(answer.library)
        return path


def _problem_with(library: Path) -> str | None:
    """Why a library can't be loaded: a symbol that is missing, say; None where it can."""
    try:
        ctypes.CDLL(str(library), mode=os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError as error:
        return str(error)
    return None


def _loading(source: str) -> str:
    try:
        compile_candidate(source)
    except SyntaxError as error:
        _tell("".join(traceback.format_exception_only(error)))
        return "syntax_error"
    raised = _raised_by(lambda: load_candidate(source, folder=Path.cwd(), name=MODULE))
    return _checked(sys.modules[MODULE]) if raised is None else _failure(raised)


def _raised_by(work: Callable[[], object]) -> Exception | None:
    """What a candidate's code raised while it did this, if anything."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 - a candidate may raise anything; that is its build's failure
        return error
    return None


def _checked(module: ModuleType) -> str:
    if isinstance(getattr(module, "ModelNew", None), type):
        return BUILT
    _tell("the module defines no class ModelNew\n")
    return "no_model"


def _constructing(reference: str) -> str:
    """Construct ModelNew as the reference's inputs say; only a failure to compile is one of the build."""
    error = _raised_by(lambda: _construct(reference))
    return _failure(error) if error is not None and _compiling(error) else BUILT


def _construct(reference: str) -> None:
    names: dict[str, Any] = {"__name__": "reference"}
    exec(compile(reference, "reference.py", "exec", dont_inherit=True), names)  # noqa: S102 - what this child is for
    inputs = names["get_init_inputs"]() if "get_init_inputs" in names else []
    sys.modules[MODULE].ModelNew(*inputs)


def _failure(error: Exception) -> str:
    if isinstance(error, CompilationError):
        return "compiler_error"
    _tell("".join(_candidates_own(error).format()))
    return "compiler_error" if _compiling(error) else "import_error"


def _compiling(error: BaseException | None) -> bool:
    """Whether an error is, or came of, a failure to compile."""
    while error is not None:
        if isinstance(error, CompilationError):
            return True
        error = error.__cause__ or error.__context__
    return False


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
