"""An extension's sources: whether compilers are shown them, and where they are laid for them."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from caesar.builders.commands import PRELUDE
from caesar.builders.prelude import prelude
from caesar.sandbox.extensions import Extension

__all__ = ["lay_out", "unusable"]

_PATH = re.compile(r"[\w.+-][\w .+-]*(/[\w.+-][\w .+-]*)*")
_PART_BYTES = 200
"""Of one part of a path: file systems take 255, and compilers name files of their own after a source."""
_TAKING_IN = re.compile(
    r"""^[^\S\n]*+#[^\S\n]*+(?:include_next|include|import|embed)[^\S\n]*+[<"](?P<path>[^>"\n]*+)[>"]"""
    r"""|(?P<bin>\.incbin)""",
    re.MULTILINE,
)
"""A courtesy where nothing keeps compilers from files (tier none): spliced lines and macros get round it."""
_OF_THE_SYSTEM = ("/usr/", "/opt/")
_SHOWN_CHARS = 200


def unusable(extension: Extension) -> str | None:
    """Why nothing can be compiled, without any compiler; None where it can be tried."""
    if not re.fullmatch(r"[A-Za-z_]\w*", extension.name):
        return f"error: the extension's name {extension.name!r} is no identifier, which C++ needs it to be"
    if not any(file.compiled for file in extension.files):
        return "error: there is no source to compile"
    if any("\0" in flag for flag in _given(extension)):
        return "error: a flag holds a NUL character, which no command can be given"
    return _misplaced(extension) or _reaching_out(extension)


def _given(extension: Extension) -> tuple[str, ...]:
    """All of an extension's that commands are made of but its name and paths."""
    return (*extension.cflags, *extension.cuda_cflags, *extension.ldflags, *extension.includes)


def _misplaced(extension: Extension) -> str | None:
    """Which file can't be laid where it is said to lie, beside the others and the prelude."""
    texts: dict[str, str | None] = {PRELUDE: None}
    folders: set[str] = set()
    for file in extension.files:
        if not _can_be_called(file.path) or file.path == PRELUDE:
            return f"error: a source can't be called {file.path!r}"
        if texts.setdefault(file.path, file.text) != file.text:
            return f"error: there are two files called {file.path!r}"
        folders.update(map(str, PurePosixPath(file.path).parents))
    both = sorted(folders & texts.keys())
    return f"error: {both[0]!r} can't be a file and a folder" if both else None


def _can_be_called(path: str) -> bool:
    parts = path.split("/")
    return (
        _PATH.fullmatch(path) is not None
        and not {".", ".."}.intersection(parts)
        and all(len(part.encode()) <= _PART_BYTES for part in parts)
    )


def _reaching_out(extension: Extension) -> str | None:
    """Where a source takes in a file by a path that leads out of the sources."""
    for file in extension.files:
        for reached in _TAKING_IN.finditer(file.text):
            path = reached["path"] or ""
            if reached["bin"] or ".." in path or (path.startswith("/") and not path.startswith(_OF_THE_SYSTEM)):
                shown = reached[0].strip()[:_SHOWN_CHARS]
                return f"{file.path}: error: a source may not take in files by where they lie: {shown}"
    return None


def lay_out(extension: Extension, folder: Path) -> None:
    """Write the extension's files, and the prelude for slim headers, into the folder."""
    for file in extension.files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, errors="replace")
    (folder / PRELUDE).write_text(prelude(file.text for file in extension.files))
