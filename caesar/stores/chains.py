"""Sealing what is appended and checking what is read, the same for every store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from caesar.domain import Digest
from caesar.errors import ConflictError, StoreError
from caesar.events import GENESIS, Envelope, chain, seal
from caesar.ports import Append

__all__ = ["EMPTY", "Head", "seal_append", "utf8", "verified"]


@dataclass(frozen=True, slots=True)
class Head:
    """Where a stream ends: its last event's version and digest."""

    version: int
    digest: Digest


EMPTY = Head(0, GENESIS)
"""The head of a stream without events."""


def utf8(text: str) -> bytes:
    """The text's bytes; StoreError where it has none because of a lone surrogate."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise StoreError(
            f"a text with a lone surrogate at character {error.start} can't be stored: pass it through"
            " domain.storable first"
        ) from error


def seal_append(append: Append, *, head: Head, seq: int, recorded_at_us: int) -> tuple[Envelope, ...]:
    """The envelopes of an append, numbered from seq on.

    ConflictError if the stream doesn't stand where the append expects it; StoreError if an event
    has no JSON.
    """
    if append.after != head.version:
        raise ConflictError(append.stream, expected=append.after, actual=head.version)
    sealed: list[Envelope] = []
    previous = head.digest
    for offset, event in enumerate(append.events):
        version = head.version + 1 + offset
        try:
            envelope = seal(
                event, stream=append.stream, version=version, previous=previous, recorded_at_us=recorded_at_us
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise StoreError(
                f"event {version} of stream {append.stream!a} ({event.kind}) can't be written as JSON: {error}"
            ) from error
        sealed.append(replace(envelope, seq=seq + offset))
        previous = envelope.digest
    return tuple(sealed)


def verified(stream: str, envelopes: Iterable[Envelope]) -> tuple[Envelope, ...]:
    """A whole stream's envelopes, every one checked against its digest and the one before.

    StoreError naming the first version that is missing or was changed. What was cut off at the end
    can't be seen here; the heads in the run's stream show it.
    """
    checked: list[Envelope] = []
    previous = GENESIS
    for version, envelope in enumerate(envelopes, start=1):
        if envelope.version != version:
            raise _damaged(stream, version, f"version {version} is missing")
        if envelope.previous != previous or envelope.digest != _digest(envelope):
            raise _damaged(stream, version, "its digest does not fit")
        previous = envelope.digest
        checked.append(envelope)
    return tuple(checked)


def _digest(envelope: Envelope) -> Digest:
    return chain(
        envelope.previous, stream=envelope.stream, version=envelope.version, kind=envelope.kind, v=envelope.v,
        recorded_at_us=envelope.recorded_at_us, body=envelope.body,
    )  # fmt: skip


def _damaged(stream: str, version: int, why: str) -> StoreError:
    return StoreError(
        f"stream {stream} is damaged from version {version} on ({why}): restore the store from a copy"
    )
