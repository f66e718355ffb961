"""A build's output without what says nothing about the candidate: ninja's echoes, and where folders lie."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

__all__ = ["tidy"]

_PREFIX = re.compile(r"^Error building extension '[^'\n]*': ", re.MULTILINE)
_ECHO = re.compile(r"\[\d+/\d+\] ")
_FAILED = "FAILED: "
_STOPPED = "ninja: build stopped"


def tidy(output: str, *, hidden: Iterable[str] = ()) -> str:
    """The compiler's and the module's own words; the hidden folders are cut off the paths in it."""
    text = "\n".join(_words(_PREFIX.sub("", output).splitlines()))
    for folder in hidden:
        text = text.replace(f"{folder}/", "")
    return text


def _words(lines: Iterable[str]) -> Iterator[str]:
    """The lines without ninja's; after FAILED it repeats the command, on one line."""
    command_follows = False
    for line in lines:
        if command_follows:
            command_follows = False
        elif line.startswith(_FAILED):
            command_follows = True
        elif not _ECHO.match(line) and not line.startswith(_STOPPED):
            yield line
