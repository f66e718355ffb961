"""Length-prefixed frames over a byte stream: how children reply. Bytes in, bytes out, never unpickled."""

from __future__ import annotations

import os
import struct

__all__ = ["Frames", "send_frame"]

_LENGTH = struct.Struct("!I")


def send_frame(fd: int, body: bytes) -> None:
    """Write one whole frame, waiting for the reader as long as it takes; OSError once it is gone."""
    rest = memoryview(_LENGTH.pack(len(body)) + body)
    while rest:
        rest = rest[os.write(fd, rest) :]


class Frames:
    """The frames of an untrusted stream, at most `limit` bytes of it, prefixes included."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._buffer = bytearray()
        self._whole: list[bytes] = []

    @property
    def whole(self) -> tuple[bytes, ...]:
        """Every complete frame so far, in order."""
        return tuple(self._whole)

    def feed(self, chunk: bytes) -> bool:
        """Take more of the stream; False, now and ever after, once it says or holds more than the limit."""
        if self._taken > self._limit:
            return False
        self._taken += len(chunk)
        self._buffer += chunk[: max(0, len(chunk) - max(0, self._taken - self._limit))]
        self._cut()
        return self._taken <= self._limit

    def _cut(self) -> None:
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if end > self._limit:
                self._taken = self._limit + 1
            if len(self._buffer) < end:
                return
            self._whole.append(bytes(self._buffer[_LENGTH.size : end]))
            del self._buffer[:end]
