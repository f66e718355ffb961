import pytest

from caesar.domain import digest_of
from caesar.errors import StoreError
from caesar.stores.blobs import Compressor, Decompressor


def test_a_damaged_text_does_no_harm_to_those_read_after_it():
    text = " ".join(map(str, range(1000)))
    frame = Compressor().frame(text.encode())
    context = Decompressor()

    for damaged in (frame[:-9], frame[:400] + b"\0" * 9 + frame[409:], b"no frame"):
        with pytest.raises(StoreError, match=f"the text {digest_of(text)} is damaged"):
            context.text(digest_of(text), size=len(text), data=damaged)
        assert not context.whole(digest_of(text), size=len(text), data=damaged)

    assert text == context.text(digest_of(text), size=len(text), data=frame)
