"""Where a recorded event and what today gives in its place differ first, told so that people can read it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import msgspec

from caesar.domain import Digest
from caesar.effects import Message
from caesar.engine.resume import Texts
from caesar.errors import StoreError
from caesar.events import Envelope, Event, GenerationRequested, canonical, current

__all__ = ["Derived", "Divergence", "diverging"]


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first event that is not what today's code and texts give."""

    version: int
    turn: int
    """The turn it lies in; 0 before the first."""
    kind: str
    """Of the recorded event."""
    field: str
    """Where in the event's body; `kind` where the events are not even of one kind."""
    recorded: object
    today: object
    diff: tuple[str, ...]
    """The texts, or the bodies, as a unified diff."""


@dataclass(slots=True)
class Derived:
    """What today gives in an event's place: an event, or why there is none."""

    event: Event | None
    texts: dict[Digest, str] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()
    """The prompt, where one was rendered."""
    instead: str = ""


def diverging(envelope: Envelope, derived: Derived, *, turn: int, texts: Texts) -> Divergence:
    """What differs first between a recorded event and what today gives in its place."""
    event = envelope.event  # StoreError where it can't be read
    recorded = msgspec.json.decode(current(envelope.kind, envelope.v, envelope.body))
    if derived.event is None or derived.event.kind != envelope.kind:
        other = derived.instead if derived.event is None else derived.event.kind
        body = None if derived.event is None else msgspec.json.decode(canonical(derived.event))
        lines = _diff(_pretty(envelope.kind, recorded), _pretty(other, body))
        return Divergence(envelope.version, turn, envelope.kind, "kind", envelope.kind, other, lines)
    here = msgspec.json.decode(canonical(derived.event))
    path = _first_difference(recorded, here)
    told = ".".join(map(str, path))
    before_, now = _at(recorded, path), _at(here, path)
    lines = _text_diff(event, derived, path, was=before_, now=now, texts=texts)
    return Divergence(envelope.version, turn, envelope.kind, told, before_, now, lines)


def _text_diff(
    event: Event, derived: Derived, path: Sequence[str | int], *, was: Any, now: Any, texts: Texts
) -> tuple[str, ...]:
    if path[0] == "prompt" and isinstance(event, GenerationRequested):
        message = int(path[1]) if len(path) > 1 else 0
        return _diff(_message(event, message, texts), _rendered(derived.messages, message))
    if now in derived.texts and was is not None:
        return _diff(_stored(was, texts), derived.texts[now])
    return _diff(_pretty("", was), _pretty("", now))


def _message(event: GenerationRequested, number: int, texts: Texts) -> str:
    parts = event.prompt[number].parts if number < len(event.prompt) else ()
    return "\n".join(_stored(part, texts) for part in parts)


def _rendered(messages: Sequence[Message], number: int) -> str:
    return messages[number].text if number < len(messages) else ""


def _stored(digest: Digest, texts: Texts) -> str:
    try:
        return texts([digest])[digest]
    except StoreError as error:
        return str(error)


def _pretty(kind: str, body: object) -> str:
    return f"{kind}\n{msgspec.json.format(msgspec.json.encode(body), indent=2).decode()}".strip()


def _diff(recorded: str, now: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(
        recorded.splitlines(), now.splitlines(), fromfile="recorded", tofile="today", n=2, lineterm=""
    )
    return tuple(lines)


def _first_difference(one: Any, other: Any) -> tuple[str | int, ...]:
    """The path to the first place where two JSON values differ, keys in order."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted({*one, *other})
        key = next(key for key in keys if one.get(key, _MISSING) != other.get(key, _MISSING))
        return (key, *_first_difference(one.get(key), other.get(key)))
    if isinstance(one, list) and isinstance(other, list):
        pairs = enumerate(zip_longest(one, other, fillvalue=_MISSING))
        at, (left, right) = next((at, pair) for at, pair in pairs if pair[0] != pair[1])
        return (at, *(() if _MISSING in (left, right) else _first_difference(left, right)))
    return ()


_MISSING: Any = object()


def _at(value: Any, path: Sequence[str | int]) -> object:
    for step in path:
        inside = isinstance(value, dict) or (isinstance(value, list) and int(step) < len(value))
        value = (value.get(step) if isinstance(value, dict) else value[int(step)]) if inside else None
    return value
