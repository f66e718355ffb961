"""How a text becomes a blob and comes back: one zstd frame, named by the text's sha256."""

from __future__ import annotations

import hashlib

import zstandard

from caesar.domain import Digest
from caesar.errors import StoreError

__all__ = ["Compressor", "Decompressor"]

_LEVEL = 3
"""zstd's default: texts of a few KB shrink to a third in some 20 microseconds; higher levels gain little."""


class Compressor:
    """Turns texts into frames; for one thread, since a context costs more to make than to use."""

    def __init__(self) -> None:
        self._context = zstandard.ZstdCompressor(level=_LEVEL)

    def frame(self, data: bytes) -> bytes:
        """One frame that says its content's size."""
        return self._context.compress(data)


class Decompressor:
    """Turns frames back into texts; for one thread, since a context costs four times what using it does."""

    def __init__(self) -> None:
        self._context = zstandard.ZstdDecompressor()

    def text(self, digest: Digest, *, size: int, data: bytes) -> str:
        """The text a blob holds; StoreError naming the digest unless it is the very text of that digest."""
        try:
            if zstandard.frame_content_size(data) != size:  # or a damaged frame could ask for any memory
                raise _damaged(digest)
            content = self._context.decompress(data, max_output_size=size)
        except zstandard.ZstdError as error:
            raise _damaged(digest) from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise _damaged(digest)
        return content.decode()

    def whole(self, digest: Digest, *, size: int, data: bytes) -> bool:
        """Whether a blob holds the very text of the digest, in the size that it says."""
        try:
            self.text(digest, size=size, data=data)
        except StoreError:
            return False
        return True


def _damaged(digest: Digest) -> StoreError:
    return StoreError(
        f"the text {digest} is damaged: `caesar repair` copies what is sound, or restore the store from a copy"
    )
