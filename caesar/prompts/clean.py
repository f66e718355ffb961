"""Makes untrusted text fit for a prompt: readable, bounded, and silent about the hardware.

Logs and tracebacks are written by compilers and candidates, that is, by anyone. What a terminal
or an editor would hide is removed rather than escaped, so that a model reads what a person reads.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["clean", "cut", "fence_for", "scrubbed", "visible"]

_ESCAPE = re.compile(
    r"""
      \x1b[\]PX^_][^\x07\x1b]*+(?:\x07|\x1b\\)  # a string for the terminal: titles, links
    | (?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]        # colours and cursor movement
    | \x1b[ -/]*+[0-~]                          # all other escape sequences
    """,
    re.VERBOSE,
)

_HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline
    "\ud800-\udfff"  # lone surrogates
    # what formats without showing (Unicode's Cf): zero width, direction overrides, tags
    "\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "]+"
)

_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")

_MARK = "\n[... {} characters cut ...]\n"

_GENERIC = frozenset({
    "accelerator", "core", "cores", "cpu", "device", "generation", "gpu", "graphics", "host",
    "machine", "model", "processor", "series", "the", "unknown", "version", "virtual", "with",
})  # fmt: skip
"""Words of hardware names that tell nothing alone and that compilers use for other things."""

_TELLING_CHARS = 3
"""Shorter words of a hardware name (R, at, 80) occur everywhere."""


def visible(text: str) -> str:
    """The text without anything a reader can't see; line ends become newlines, tabs stay."""
    if text.isascii() and text.isprintable():  # as most names and numbers are
        return text
    return _HIDDEN.sub("", _LINE_END.sub("\n", _ESCAPE.sub("", text)))


def cut(text: str, *, max_chars: int) -> str:
    """The text in at most so many characters: a longer one loses its middle, with a mark that says so.

    Where not even the mark would fit, the text simply ends early.
    """
    if len(text) <= max_chars:
        return text
    room = max_chars - len(_MARK.format(len(text)))
    if room < 0:
        return text[: max(max_chars, 0)]
    tail = room // 2
    mark = _MARK.format(len(text) - room)
    return text[: room - tail] + mark + text[len(text) - tail :]


def clean(text: str, *, max_chars: int) -> str:
    """Visible text of at most so many characters; cleaning it again changes nothing."""
    return cut(visible(text), max_chars=max_chars)


def scrubbed(text: str, name: str | None) -> str:
    """The text with a hardware name, and the parts of it that would tell it, replaced by [device].

    Words that describe any hardware (CPU, Processor, bare numbers) stay where they stand alone.
    """
    pattern = None if name is None else _telling(name)
    return text if pattern is None else pattern.sub("[device]", text)


def fence_for(text: str) -> str:
    """A code fence that nothing in the text can close."""
    if "```" not in text:
        return "```"
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    return "`" * (longest + 1)


@lru_cache(maxsize=64)
def _telling(name: str) -> re.Pattern[str] | None:
    """What matches the parts of a name that identify hardware, longest first; None if none does."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    if not any(map(_identifies, words)):
        return None
    spans = [(start, end) for end in range(len(words) + 1) for start in range(end)]
    spans.sort(key=lambda span: (span[0] - span[1], span))
    parts = [_part(words[start:end]) for start, end in spans if any(map(_identifies, words[start:end]))]
    alone = rf"(?<![A-Za-z0-9])(?:{'|'.join(dict.fromkeys(parts))})(?![A-Za-z0-9])"
    return re.compile(f"(?i:{re.escape(name)})|{alone}" if len(words) > 1 else alone)


def _part(words: list[str]) -> str:
    """The pattern of neighbouring words; the case of a single plain word counts (Intel, intel_fn)."""
    plain = len(words) == 1 and words[0].isalpha()
    spelled = r"[\W_]{0,4}".join(words)
    return spelled if plain else f"(?i:{spelled})"


def _identifies(word: str) -> bool:
    return len(word) >= _TELLING_CHARS and not word.isdigit() and word.lower() not in _GENERIC
