import os

from hypothesis import given
from hypothesis import strategies as st

from caesar.sandbox.frames import Frames, send_frame


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(4) + body


def cut(stream: bytes, sizes: list[int]) -> list[bytes]:
    chunks = []
    for size in sizes:
        chunks.append(stream[:size])
        stream = stream[size:]
    return [*chunks, stream]


@given(st.lists(st.binary(max_size=50)), st.lists(st.integers(1, 40)))
def test_frames_come_out_whole_however_the_stream_is_cut(bodies, sizes):
    stream = b"".join(frame(body) for body in bodies)
    frames = Frames(len(stream))

    within = [frames.feed(chunk) for chunk in cut(stream, sizes)]

    assert all(within)
    assert tuple(bodies) == frames.whole


@given(st.binary(max_size=400), st.integers(0, 60), st.lists(st.integers(1, 40)))
def test_no_stream_makes_frames_keep_more_than_the_limit(stream, limit, sizes):
    frames = Frames(limit)

    for chunk in cut(stream, sizes):
        frames.feed(chunk)

    assert sum(len(body) + 4 for body in frames.whole) + len(frames._buffer) <= limit


def test_the_frames_before_the_limit_are_kept():
    frames = Frames(len(frame(b"first")) + 3)

    within = frames.feed(frame(b"first") + frame(b"second"))

    assert not within
    assert (b"first",) == frames.whole


def test_a_length_beyond_the_limit_is_refused_before_anything_of_it_comes():
    frames = Frames(1000)

    within = frames.feed(b"\xff\xff\xff\xff")

    assert not within
    assert not frames.feed(b"more")


def test_an_unfinished_frame_is_left_out():
    frames = Frames(1000)

    frames.feed(frame(b"whole") + frame(b"unfinished")[:-1])

    assert (b"whole",) == frames.whole


def test_what_is_sent_is_what_frames_read():
    reader, writer = os.pipe()

    send_frame(writer, b"body")
    send_frame(writer, b"")

    frames = Frames(100)
    frames.feed(os.read(reader, 100))
    assert (b"body", b"") == frames.whole
    os.close(reader)
    os.close(writer)
