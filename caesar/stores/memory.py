"""An event log in memory: the public fake for tests, gone with the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from caesar.domain import Digest, digest_of
from caesar.errors import StoreError
from caesar.events import Envelope
from caesar.ports import Append
from caesar.stores.chains import EMPTY, Head, seal_append, utf8

__all__ = ["MemoryEventLog"]


class MemoryEventLog:
    """Keeps the EventLog contract, durability excepted; for one thread."""

    def __init__(self, clock_us: Callable[[], int]) -> None:
        self._clock_us = clock_us
        self._streams: dict[str, tuple[Envelope, ...]] = {}
        self._texts: dict[Digest, str] = {}
        self._seq = 0

    async def append(self, append: Append) -> tuple[Envelope, ...]:
        """Add events and texts together or not at all; ConflictError if the stream stood elsewhere."""
        for text in append.texts:
            utf8(text)
        stream = self._streams.get(append.stream, ())
        head = Head(stream[-1].version, stream[-1].digest) if stream else EMPTY
        sealed = seal_append(append, head=head, seq=self._seq + 1, recorded_at_us=self._clock_us())
        if sealed:
            self._streams[append.stream] = stream + sealed
        self._texts.update({digest_of(text): text for text in append.texts})
        self._seq += len(sealed)
        return sealed

    def read(self, stream: str, *, upto: int | None = None) -> tuple[Envelope, ...]:
        """A stream's events in order, at most `upto` of them; empty for a stream that does not exist."""
        return self._streams.get(stream, ())[:upto]

    def streams(self, prefix: str = "") -> tuple[str, ...]:
        """The names of all streams that start with the prefix, in order of first appearance."""
        return tuple(stream for stream in self._streams if stream.startswith(prefix))

    def texts(self, digests: Sequence[Digest]) -> Mapping[Digest, str]:
        """The texts of the digests; StoreError if one is missing."""
        missing = next((digest for digest in digests if digest not in self._texts), None)
        if missing is not None:
            raise StoreError(
                f"the text {missing} is missing from the store in memory: append it with its event"
            )
        return {digest: self._texts[digest] for digest in digests}
