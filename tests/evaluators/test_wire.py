import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from open_files import open_files

from caesar.evaluators.wire import (
    MOST_LEAVES,
    Ask,
    Command,
    Done,
    Form,
    Launched,
    Leaf,
    Loaded,
    Lost,
    Raised,
    Ready,
    Shown,
    Traced,
    Violation,
    decode,
    encode,
    receive,
    skeleton_of,
    spin,
)

numbers = st.integers(0, (1 << 32) - 1)
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10)
shapes = st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=8).map(tuple)
leaf = st.builds(Leaf, st.sampled_from(Form), words, shapes, st.floats(allow_nan=False))


@st.composite
def shown(draw):
    found = draw(st.lists(leaf, max_size=MOST_LEAVES))
    return Shown(draw(numbers), draw(st.integers(0, (1 << 64) - 1)), tuple(found), len(found))


message = st.one_of(
    st.builds(Loaded, numbers, st.booleans()),
    st.builds(Ready, numbers),
    st.builds(Done, numbers, st.floats(allow_nan=False), st.floats(allow_nan=False)),
    shown(),
    st.builds(Raised, numbers, words, words, st.booleans(), st.booleans()),
    st.builds(Traced, numbers, st.binary(max_size=300)),
)


@pytest.fixture
def pair():
    """Both ends of a link."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


def is_told_or_refused(frame):
    """Whether a frame is a message or a violation; any other exception is the test's failure."""
    try:
        return isinstance(decode(frame), Launched | Loaded | Ready | Done | Shown | Raised | Traced)
    except Violation:
        return True


@given(message)
def test_what_was_encoded_is_what_is_decoded(sent):
    assert sent == decode(encode(sent))


@given(st.builds(Command, st.sampled_from(Ask), numbers, numbers, st.integers(0, (1 << 64) - 1)))
def test_a_command_arrives_as_it_was_given(command):
    assert command == Command.decode(command.encode())


@given(message, message)
def test_frames_of_one_kind_have_one_size(one, other):
    same_kind = type(one) is type(other)

    assert same_kind <= (len(encode(one)) == len(encode(other)))


@given(message, st.data())
def test_every_truncation_is_a_violation(sent, data):
    frame = encode(sent)
    cut = data.draw(st.integers(0, len(frame) - 1))

    with pytest.raises(Violation, match=f"a frame of {cut} bytes"):
        decode(frame[:cut])


@given(message, st.binary(min_size=1, max_size=50))
def test_every_extension_is_a_violation(sent, more):
    with pytest.raises(Violation):
        decode(encode(sent) + more)


@given(message, st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=20))
def test_every_mutation_is_a_message_or_a_violation(sent, changes):
    frame = bytearray(encode(sent))
    for at, byte in changes:
        frame[at % len(frame)] = byte

    assert is_told_or_refused(bytes(frame))


@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_a_message_or_a_violation(frame):
    assert is_told_or_refused(frame)


@pytest.mark.parametrize("kind", [6, 77, 255])
def test_a_frame_of_an_unknown_kind_is_a_violation(kind):
    with pytest.raises(Violation):
        decode(bytes([kind]) + encode(Loaded(1, copied=True))[1:])


def test_more_outputs_than_fit_are_counted_but_not_described():
    told = Shown(1, 2, tuple(Leaf(Form.NONE, "NoneType") for _ in range(20)), 20)

    arrived = decode(encode(told))

    assert (20, MOST_LEAVES) == (arrived.count, len(arrived.leaves))


def test_texts_that_are_too_long_are_cut_an_errors_detail_at_its_head():
    arrived = decode(encode(Raised(1, "E" * 999, "a" * 9000 + "end", out_of_memory=False, hardware=False)))

    assert ("E" * 100, True) == (arrived.error, arrived.detail.endswith("aend"))
    assert 6000 == len(arrived.detail)


def test_evidence_that_is_too_long_is_cut():
    assert 32_000 == len(decode(encode(Traced(1, b"x" * 99_999))).evidence)


def test_a_frame_is_received_as_it_was_sent(pair):
    ours, theirs = pair
    theirs.send(encode(Loaded(7, copied=True)))

    assert Loaded(7, copied=True) == decode(receive(ours))


def test_descriptors_that_come_along_are_refused_and_never_opened(pair, tmp_path):
    ours, theirs = pair
    with (tmp_path / "sent").open("w") as file:
        socket.send_fds(theirs, [encode(Loaded(1, copied=True))], [file.fileno()] * 3)

        with pytest.raises(Violation, match="descriptors"):
            receive(ours)

        assert [file.fileno()] == open_files(tmp_path)


def test_a_frame_longer_than_any_is_a_violation(pair):
    ours, theirs = pair
    theirs.send(b"x" * 60_000)

    with pytest.raises(Violation, match="longer"):
        receive(ours)


def test_the_end_of_the_link_is_no_violation(pair):
    ours, theirs = pair
    theirs.close()

    with pytest.raises(Lost):
        receive(ours)


def test_an_end_with_something_unread_is_the_end_too(pair):
    ours, theirs = pair
    ours.send(b"never read")
    theirs.close()

    with pytest.raises(Lost):
        receive(ours)


def test_an_empty_frame_counts_as_the_end(pair):
    ours, theirs = pair
    theirs.send(b"")

    with pytest.raises(Lost):
        receive(ours)


def test_nothing_to_receive_is_told_apart_from_the_end(pair):
    with pytest.raises(BlockingIOError):
        receive(pair[0], flags=socket.MSG_DONTWAIT)


def test_spinning_ends_once_there_is_something_to_read_and_leaves_it(pair):
    ours, theirs = pair
    theirs.send(b"x")

    spin(ours, most_s=1e9)

    assert b"x" == ours.recv(10)


def test_spinning_ends_at_the_end_of_the_link(pair):
    pair[1].close()

    assert spin(pair[0], most_s=1e9) is None


def test_spinning_ends_when_its_time_is_up(pair):
    assert spin(pair[0], most_s=0.0) is None


def test_a_skeleton_tells_nestings_apart_and_takes_any_text():
    assert skeleton_of(["[0]", "[1]"]) == skeleton_of(["[0]", "[1]"])
    assert skeleton_of(["[0]", "[1]"]) != skeleton_of(["[0]", "[0][1]"])
    assert skeleton_of(["\ud800"]) >= 0
