"""Keeping keys out of texts that are shown or logged."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["redacted"]

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|AUTH(?!OR)", re.IGNORECASE)
_SECRET_SHAPES = (
    (re.compile(r"\bsk-[\w-]{8,}"), "[key]"),
    (re.compile(r"\bBearer\s+[^\s\"',]+", re.IGNORECASE), "Bearer [key]"),
    (re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"), "[login]"),
)
_SHORTEST = 6
"""A shorter value (1, true) is no key, and replacing it would spoil the text."""


def redacted(text: str, environ: Mapping[str, str]) -> str:
    """The text with the values of key-like variables replaced by their names, key-like words by [key].

    A key that is neither in the environment nor of a known shape can't be told from other text.
    """
    secrets = [(value, name) for name, value in environ.items() if _SECRET_NAME.search(name)]
    for value, name in sorted(secrets, key=lambda secret: (-len(secret[0]), secret)):
        if len(value) >= _SHORTEST:
            text = text.replace(value, f"[{name}]")
    for shape, substitute in _SECRET_SHAPES:
        text = shape.sub(substitute, text)
    return text
