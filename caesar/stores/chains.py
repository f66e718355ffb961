"""Sealing what is appended and checking what is read, the same for every store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from caesar.domain import Digest
from caesar.errors import ConflictError, StoreError
from caesar.events import GENESIS, Envelope, TrajectoryForked, chain, root, seal
from caesar.ports import Append

__all__ = ["EMPTY", "Damage", "Head", "seal_append", "sound", "utf8", "verified", "wrong"]


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
    previous = root(append.events[0]) if append.events and not head.version else head.digest
    for offset, event in enumerate(append.events):
        version = head.version + 1 + offset
        try:
            envelope = seal(
                event,
                stream=append.stream,
                version=version,
                previous=previous,
                recorded_at_us=recorded_at_us,
                seq=seq + offset,
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise StoreError(
                f"event {version} of stream {append.stream!a} ({event.kind}) can't be written as JSON: {error}"
            ) from error
        sealed.append(envelope)
        previous = envelope.digest
    return tuple(sealed)


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with a stream, and from which of its events on it can't be relied on."""

    stream: str
    version: int
    why: str

    @property
    def sentence(self) -> str:
        """What a reader of the stream is told."""
        return (
            f"stream {self.stream} is damaged from version {self.version} on ({self.why}): `caesar verify`"
            " tells more, `caesar repair` copies what is sound, or restore the store from a copy"
        )


def sound(stream: str, envelopes: Iterable[Envelope]) -> tuple[tuple[Envelope, ...], Damage | None]:
    """The longest prefix whose every event fits its digest and the one before, and what is wrong after it.

    What was cut off at the end can't be seen here; the heads in the run's stream show it.
    """
    checked: list[Envelope] = []
    previous: Digest | None = None
    for version, envelope in enumerate(envelopes, start=1):
        why = wrong(envelope, version=version, previous=previous)
        if why is not None:
            return tuple(checked), Damage(stream, version, why)
        previous = envelope.digest
        checked.append(envelope)
    return tuple(checked), None


def verified(stream: str, envelopes: Iterable[Envelope]) -> tuple[Envelope, ...]:
    """A whole stream's envelopes; StoreError naming the first version that is missing or was changed."""
    checked, damage = sound(stream, envelopes)
    if damage is not None:
        raise StoreError(damage.sentence)
    return checked


def wrong(envelope: Envelope, *, version: int, previous: Digest | None) -> str | None:
    """Why this is not the stream's event of that version, after the digest before it (None for the first)."""
    if envelope.version != version:
        return f"version {version} is missing"
    if envelope.digest != _digest(envelope):
        return "its digest does not fit"
    expected = _root(envelope) if previous is None else previous
    return None if envelope.previous == expected else "its digest does not fit"


def _root(envelope: Envelope) -> Digest:
    """What a first event has to be chained to; only a fork's says so itself."""
    return root(envelope.event) if envelope.kind == TrajectoryForked.kind else GENESIS


def _digest(envelope: Envelope) -> Digest:
    return chain(
        envelope.previous, stream=envelope.stream, version=envelope.version, kind=envelope.kind, v=envelope.v,
        recorded_at_us=envelope.recorded_at_us, body=envelope.body,
    )  # fmt: skip
