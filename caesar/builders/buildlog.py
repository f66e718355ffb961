"""Build logs worth reading: errors first, without this machine's paths and the noise of templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

__all__ = ["LEFT_OUT", "LOG_CHARS", "cut", "tidy"]

LOG_CHARS = 32_000
"""How much of a log is shown; the rest is in the full text."""

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_INSTANTIATION = re.compile(
    r"required from|required by|instantiation of|In instantiation|in instantiation|detected during"
    r"|substitution of"
)
_DIAGNOSTIC = re.compile(
    r":\d+(?::\d+)?: (?:fatal )?error: |\(\d+\): (?:catastrophic )?error"
    r"|^(?>\S*?(?:error|fatal)\b).*:",
    re.MULTILINE,
)
_STARTS = re.compile(
    r"^(In file included from |[^\s:]+: (In |At global )|[^\s:]+:\d+(:\d+)?: (fatal error|error|warning)"
    r"|[^\s(]+\(\d+\): (error|warning|catastrophic error))"
)
_CONTINUES = re.compile(r"^(In file included from |[^\s:]+: (In |At global )|\s+from )")
_MARK = "[... {} lines of template instantiation ...]"
_CUT = "\n[... {} characters cut; the full log has them ...]\n"
LEFT_OUT = "\n[... {} characters left out ...]\n"
"""The mark in what is itself the full log."""
_KEPT_CHAIN = 2


def tidy(output: str, *, shown: Mapping[str, str]) -> str:
    """The compiler's and the module's own words, errors first; the folders are shown under other names."""
    text = _CONTROLS.sub("", _ESCAPES.sub("", output.replace("\r\n", "\n").replace("\t", "    ")))
    for folder in sorted(shown, key=len, reverse=True):
        text = text.replace(folder, shown[folder])
    return "\n".join(_folded(_errors_first(text.splitlines())))


def cut(text: str, *, chars: int = LOG_CHARS, mark: str = _CUT) -> str:
    """The text, or its head and tail with a mark between them."""
    if len(text) <= chars:
        return text
    head = chars * 2 // 3
    tail = chars - head
    return text[:head] + mark.format(len(text) - head - tail) + text[-tail:]


def _errors_first(lines: list[str]) -> Iterator[str]:
    """The diagnostics that are errors, then the others, each in order; what comes before any stays first."""
    blocks = list(_blocks(lines))
    errors = [block for block in blocks if _is_error(block)]
    if not errors:
        yield from lines
        return
    for block in (*errors, *(block for block in blocks if not _is_error(block))):
        yield from block


def _is_error(block: list[str]) -> bool:
    return any(_DIAGNOSTIC.search(line) for line in block)


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """A diagnostic each: from where it is announced to the next announcement."""
    block: list[str] = []
    announced = False
    for line in lines:
        starts = bool(_STARTS.match(line))
        if starts and block and not announced:
            yield block
            block = []
        block.append(line)
        announced = (
            bool(_CONTINUES.match(line))
            if starts
            else announced and bool(_CONTINUES.match(line) or _INSTANTIATION.search(line))
        )
    if block:
        yield block


def _folded(lines: Iterable[str]) -> Iterator[str]:
    """Chains of instantiations by their first and last link."""
    chain: list[str] = []
    for line in lines:
        if _INSTANTIATION.search(line) and not _DIAGNOSTIC.search(line):
            chain.append(line)
            continue
        yield from _shortened(chain)
        chain = []
        yield line
    yield from _shortened(chain)


def _shortened(chain: list[str]) -> list[str]:
    if len(chain) <= _KEPT_CHAIN + 1:
        return chain
    return [chain[0], _MARK.format(len(chain) - _KEPT_CHAIN), chain[-1]]
