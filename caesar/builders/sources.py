"""An extension's sources: whether compilers are shown them, and where they are laid for them."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from caesar.builders.commands import PRELUDE
from caesar.builders.prelude import prelude
from caesar.sandbox.extensions import Extension

__all__ = ["lay_out", "unusable"]

_PATH = re.compile(r"[\w.+-][\w .+-]*(/[\w.+-][\w .+-]*)*")
_OUTSIDE = re.compile(
    r"""^\s*#\s*(?:include|include_next|import|embed)\s*[<"](?P<path>/[^>"\n]*|[^>"\n]*\.\.[^>"\n]*)[>"]|\.incbin\s*\\*["']?(?P<bin>)""",
    re.MULTILINE,
)
"""A courtesy where nothing keeps compilers from files (tier none): spliced lines and macros get round it."""


def unusable(extension: Extension) -> str | None:
    """Why nothing can be compiled, without any compiler; None where it can be tried."""
    if not re.fullmatch(r"[A-Za-z_]\w*", extension.name):
        return f"error: the extension's name {extension.name!r} is no identifier, which C++ needs it to be"
    if not any(file.compiled for file in extension.files):
        return "error: there is no source to compile"
    for file in extension.files:
        reached = _OUTSIDE.search(file.text)
        if reached and not (reached["path"] or "").startswith(("/usr/", "/opt/")):
            return f"{file.path}: error: a source may not take in files by where they lie: {reached[0].strip()}"
        if not _PATH.fullmatch(file.path) or ".." in PurePosixPath(file.path).parts:
            return f"error: a source can't be called {file.path!r}"
    return None


def lay_out(extension: Extension, folder: Path) -> None:
    """Write the extension's files, and the prelude for slim headers, into the folder."""
    for file in extension.files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, errors="replace")
    (folder / PRELUDE).write_text(prelude(file.text for file in extension.files))
