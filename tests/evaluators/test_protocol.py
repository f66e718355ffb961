import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.domain import Finding, Mismatch, storable
from caesar.evaluators.protocol import (
    Baselines,
    Cause,
    Described,
    Differs,
    Gone,
    Measured,
    Passed,
    Raised,
    Reached,
    Report,
    Stage,
    Unusable,
    Violated,
    decode_message,
    encode,
)

texts = st.text(max_size=20).map(storable)
seconds = st.floats(0, 1e6)
times = st.lists(st.floats(0, 1e6), min_size=1, max_size=4).map(tuple)
measured = st.builds(Measured, times, times, seconds, seconds, texts, seconds)
mismatches = st.builds(Mismatch, texts, texts, texts, index=st.none() | st.lists(st.integers(0, 9)).map(tuple))
endings = st.one_of(
    st.builds(Passed, measured),
    st.builds(Differs, texts, st.none() | mismatches),
    st.builds(Raised, texts, texts, st.booleans(), st.booleans()),
    st.builds(Violated, texts),
    st.just(Gone()),
)
reports = st.builds(
    Report,
    endings,
    st.dictionaries(st.sampled_from(Stage), seconds),
    st.none() | texts,
    st.integers(0, 9),
    st.integers(0, 9),
    st.lists(st.builds(Finding, texts, texts), max_size=2).map(tuple),
    st.dictionaries(texts, seconds, max_size=2),
    st.dictionaries(texts, seconds, max_size=2),
    seconds,
)
messages = st.one_of(
    st.builds(Described, texts, texts, st.none() | texts, st.none() | texts, seconds),
    st.builds(Baselines, st.dictionaries(texts, times, max_size=2), st.dictionaries(texts, texts), seconds),
    st.builds(Unusable, st.sampled_from(Cause), texts),
    st.builds(Reached, st.sampled_from(Stage), seconds),
    reports,
)


@given(messages)
def test_a_message_arrives_as_it_was_sent(message):
    assert message == decode_message(encode(message))


@given(st.binary(max_size=200))
def test_bytes_that_are_no_message_are_none(data):
    assert decode_message(data) is None


@given(messages, st.data())
def test_a_message_that_was_cut_is_none(message, data):
    body = encode(message)

    assert decode_message(body[: data.draw(st.integers(0, len(body) - 1))]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"type":"passed"}',
        b'{"type":"reached","stage":"later","seconds":0}',
        b'{"type":"reached","stage":"trial","seconds":0,"verdict":"passed"}',
        b'{"type":"unusable","cause":"raised","what":"\\ud800"}',
        msgspec.json.encode(["described"]),
    ],
)
def test_a_message_with_anything_odd_in_it_is_none(data):
    assert decode_message(data) is None
