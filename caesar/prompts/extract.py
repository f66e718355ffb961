"""Finds the candidate in a completion. Completions are untrusted and may be truncated.

Fences are read as CommonMark reads them, with two allowances for how models write: a fence with
an info string ends an open block of no longer fence, and code indented with its fence is
indented back. Time is linear in the completion's length.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["candidate_in"]

_MARK = re.compile(
    r"(?P<tag></?think>)"
    r"|(?:^|(?<=</think>))(?P<indent>[ \t]*+)(?P<fence>`{3,}+|~{3,}+)(?P<info>[^\n]*+)",
    re.MULTILINE,
)

_HINT = re.compile("</?think>|````*+|~~~~*+")
"""Where a mark may be: found many times faster than trying `_MARK` at each character."""

_DEFINES = re.compile(r"^(?:class[ \t]+ModelNew\b|ModelNew[ \t]*(?::[^=\n]*)?=(?!=))", re.MULTILINE)

_WHOLE_CHARS = 1 << 20
"""Longer completions without fences are not parsed as Python: a parse takes 100 times the memory."""


def candidate_in(completion: str) -> str | None:
    """The source in the last fenced block that defines ModelNew, or None where there is none.

    A block that the completion's end leaves open counts too. Blocks in `<think>` sections count
    only if there is no other. Without any such block the whole completion is taken, if it is
    Python that defines ModelNew. Line ends come back as newlines; the newline before the closing
    fence is the fence's. Whether the source is any good is the builder's question.
    """
    text = completion.replace("\r\n", "\n")
    if "ModelNew" not in text:
        return None
    return _Blocks(text).last() or _whole(text)


def _whole(text: str) -> str | None:
    """The text, without a leading think section, if it is Python that defines ModelNew."""
    source = text.rpartition("</think>")[2]
    if len(source) > _WHOLE_CHARS or not _DEFINES.search(source):
        return None
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return source


@dataclass(frozen=True, slots=True)
class _Open:
    """A block whose closing fence has not been met."""

    indent: str
    fence: str
    start: int
    """Where its first line starts."""

    def closed_by(self, mark: re.Match[str]) -> bool:
        return self._matched_by(mark) and not mark["info"].strip()

    def superseded_by(self, mark: re.Match[str]) -> bool:
        return self._matched_by(mark) and _opens(mark)

    def _matched_by(self, mark: re.Match[str]) -> bool:
        near = len(mark["indent"]) <= len(self.indent) + 3
        return near and mark["fence"].startswith(self.fence)


class _Blocks:
    """One pass over the marks of a completion, remembering the last fitting blocks."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: _Open | None = None
        self._thinking = False
        self._answer: str | None = None
        self._draft: str | None = None

    def last(self) -> str | None:
        """The last block of the answer that defines ModelNew, else the last of the thinking."""
        for mark in _marks(self._text):
            if mark["tag"] is None:
                self._fence(mark)
            elif mark["tag"] == "<think>":
                self._thinking = self._thinking or self._open is None
            elif self._thinking or self._open is None:
                self._think_ends(mark)
        self._close(len(self._text))
        return self._draft if self._answer is None else self._answer

    def _fence(self, mark: re.Match[str]) -> None:
        if self._open is not None and self._open.closed_by(mark):
            self._close(mark.start())
        elif _opens(mark) and (self._open is None or self._open.superseded_by(mark)):
            self._close(mark.start())
            self._open = _Open(mark["indent"], mark["fence"], mark.end() + 1)

    def _think_ends(self, mark: re.Match[str]) -> None:
        """Everything before a section's end was thinking where its start is missing."""
        self._close(mark.start())
        if not self._thinking and self._answer is not None:
            self._draft, self._answer = self._answer, None
        self._thinking = False

    def _close(self, end: int) -> None:
        if self._open is None:
            return
        start, indent = self._open.start, self._open.indent
        self._open = None
        if self._text.find("ModelNew", start, end) < 0:
            return
        block = _dedented(self._text[start:end], indent)
        if not _DEFINES.search(block):
            return
        if self._thinking:
            self._draft = block
        else:
            self._answer = block


def _marks(text: str) -> Iterator[re.Match[str]]:
    """What `_MARK` matches, from left to right."""
    position = 0
    while (hint := _HINT.search(text, position)) is not None:
        start = hint.start()
        while start > position and text[start - 1] in " \t":  # a fence's mark begins with its indentation
            start -= 1
        mark = _MARK.match(text, hint.start() if text[hint.start()] == "<" else start)
        position = hint.end() if mark is None else mark.end()
        if mark is not None:
            yield mark


def _opens(mark: re.Match[str]) -> bool:
    return mark["fence"].startswith("~") or "`" not in mark["info"]


def _dedented(block: str, indent: str) -> str:
    """The block without its last newline and, where every line has it, its fence's indentation."""
    block = block.removesuffix("\n")
    if not indent:
        return block
    lines = block.split("\n")
    if not all(line.startswith(indent) or not line.strip() for line in lines):
        return block
    return "\n".join(line.removeprefix(indent) for line in lines)
