"""What a child prints, kept within bounds however much it is."""

from __future__ import annotations

from collections import deque

__all__ = ["KEPT_BYTES", "Output"]

KEPT_BYTES = 256 << 10
"""How much of an output is kept: half from its start, half from its end."""


class Output:
    """The head and the tail of an untrusted stream of at most `limit` bytes."""

    def __init__(self, limit: int, *, kept: int = KEPT_BYTES) -> None:
        self._limit = limit
        self._half = kept // 2
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._taken = 0

    def feed(self, chunk: bytes) -> bool:
        """Take more of the stream; False once it is longer than the limit, after which nothing is kept."""
        chunk = chunk[: self._limit + 1 - self._taken]
        self._taken += len(chunk)
        room = max(0, self._half - len(self._head))
        self._head += chunk[:room]
        self._push(chunk[room:])
        return self._taken <= self._limit

    @property
    def text(self) -> str:
        """What was kept, decoded, with a mark that says how much is missing between head and tail."""
        tail = b"".join(self._tail)[-self._half :]
        missing = self._taken - len(self._head) - len(tail)
        mark = f"\n[... {missing} bytes left out ...]\n".encode() if missing else b""
        return (bytes(self._head) + mark + tail).decode("utf-8", "replace")

    def _push(self, chunk: bytes) -> None:
        if not chunk:
            return
        self._tail.append(chunk)
        self._tail_bytes += len(chunk)
        while self._tail_bytes - len(self._tail[0]) >= self._half:
            self._tail_bytes -= len(self._tail.popleft())
