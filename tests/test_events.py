"""Events as bytes: canonical, typed, chained, and equal when they come back."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar import events
from caesar.domain import Environment, Evaluation, KernelBenchResult, Mismatch, Timing, Trust, Usage, Verdict
from caesar.errors import StoreError
from caesar.events import (
    GENESIS,
    EvaluationCompleted,
    Event,
    ForkOrigin,
    GenerationFaulted,
    PinnedProblem,
    RunExtended,
    RunForked,
    RunStarted,
    TurnBegun,
    canonical,
    chain,
    decode,
    kinds,
    seal,
)

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=1e-6, max_value=1e9)
WHOLE = st.integers(min_value=-(2**53), max_value=2**53)

TIMING = st.builds(
    Timing, POSITIVE, POSITIVE, POSITIVE, POSITIVE, POSITIVE, st.integers(1, 1000), st.just("a" * 64)
)
ENVIRONMENT = st.builds(
    Environment,
    TEXT,
    TEXT,
    TEXT,
    st.none() | TEXT,
    TEXT,
    TEXT,
    st.sampled_from(Trust),
    st.dictionaries(TEXT, NUMBER, max_size=3),
)
PASSED = st.builds(Evaluation, st.just(Verdict.PASSED), ENVIRONMENT, TEXT, timing=st.none() | TIMING)
KERNELBENCH = st.builds(
    KernelBenchResult,
    TEXT,
    st.just(True),
    st.just(True),
    st.none() | POSITIVE,
    st.none() | POSITIVE,
    metadata=TEXT,
)
INCORRECT = st.builds(
    Evaluation,
    st.just(Verdict.INCORRECT),
    ENVIRONMENT,
    TEXT,
    reason=TEXT,
    mismatch=st.none() | st.builds(Mismatch, TEXT, TEXT, TEXT, st.none() | st.tuples(WHOLE, WHOLE)),
)

for kind, strategy in (
    (str, TEXT),
    (float, NUMBER),
    (int, WHOLE),
    (Evaluation, PASSED | INCORRECT),
    (KernelBenchResult, KERNELBENCH),
    (Usage, st.builds(Usage, st.integers(0, 10**9), st.integers(0, 10**9), st.none() | POSITIVE)),
):
    st.register_type_strategy(kind, strategy)

EVENTS = st.one_of([st.from_type(cls) for cls in kinds().values()])
ENVIRONMENT_HERE = Environment("cpu:0", "a cpu", "2.13", None, "fp32", "none", Trust.NONE)


@given(EVENTS)
def test_an_event_comes_back_equal_and_with_the_same_bytes(event: Event):
    body = canonical(event)

    again = decode(event.kind, event.v, body)

    assert event == again
    assert body == canonical(again)


@given(EVENTS, st.integers(1, 10**6), st.integers(0, 2**53))
def test_a_sealed_event_carries_the_digest_of_all_that_identifies_it(event, version, at_us):
    envelope = seal(event, stream="R/1/0", version=version, previous=GENESIS, recorded_at_us=at_us)

    facts = {
        "stream": "R/1/0",
        "kind": event.kind,
        "v": event.v,
        "recorded_at_us": at_us,
        "body": envelope.body,
    }
    assert chain(GENESIS, version=version, **facts) == envelope.digest
    assert chain(GENESIS, version=version + 1, **facts) != envelope.digest
    assert event == envelope.event


def test_kinds_are_unique_and_match_the_classes():
    for kind, cls in kinds().items():
        words = "".join(word.capitalize() for word in kind.split("_"))
        assert cls.__name__ == words


def test_an_event_of_a_newer_version_is_refused():
    with pytest.raises(StoreError, match="turn_begun version 2 is newer"):
        decode("turn_begun", 2, b'{"turn":1}')


def test_an_unknown_kind_is_refused():
    with pytest.raises(StoreError, match="newer"):
        decode("turn_begone", 1, b"{}")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"turn":"one"}', b'{"turn":1.5}', b"\xff"])
def test_a_damaged_body_is_a_store_error(body):
    with pytest.raises(StoreError, match="turn_begun version 1 can't be read"):
        decode("turn_begun", 1, body)


def test_a_body_that_makes_nonsense_is_a_store_error():
    timed = msgspec.to_builtins(Timing(1.0, 1.0, 0.0, 1.0, 1.0, 3, "a" * 64))
    evaluation = msgspec.to_builtins(Evaluation(Verdict.CRASHED, ENVIRONMENT_HERE, "1", reason="exit:0"))
    body = canonical(
        {
            "request": "r",
            "attempt": 1,
            "outcome": "crashed",
            "seconds": 1.0,
            "evaluation": evaluation | {"timing": timed},
        }
    )

    with pytest.raises(StoreError, match="only a passed evaluation"):
        decode("evaluation_completed", 1, body)


@pytest.mark.parametrize("seconds", [math.nan, math.inf])
def test_what_would_not_come_back_is_never_sealed(seconds):
    evaluation = Evaluation(Verdict.CRASHED, ENVIRONMENT_HERE, "1", reason="exit:0")
    event = EvaluationCompleted("r", 1, "crashed", evaluation, seconds)

    with pytest.raises(StoreError):
        seal(event, stream="R/1/0", version=1, previous=GENESIS, recorded_at_us=0)


def test_every_event_has_a_kind_a_version_and_a_sentence():
    for cls in kinds().values():
        assert cls.v >= 1
        assert (cls.__doc__ or "").strip().endswith(".")


def test_events_are_frozen():
    with pytest.raises(AttributeError):
        TurnBegun(1).turn = 2
    assert {RunStarted, GenerationFaulted} <= set(kinds().values())


def test_every_older_version_of_a_kind_is_upcast():
    older = {(kind, v) for kind, event in kinds().items() for v in range(1, event.v)}

    assert older == set(events._UPCASTS)


def test_a_body_of_the_present_version_stays_byte_for_byte_and_an_older_one_becomes_it(monkeypatch):
    body = b'{"turn":1}'
    assert body is events.current("turn_begun", 1, body)

    monkeypatch.setattr(TurnBegun, "v", 2)
    monkeypatch.setitem(events._UPCASTS, ("turn_begun", 1), lambda fields: {"turn": fields["turn"] + 1})

    assert b'{"turn":2}' == events.current("turn_begun", 1, body)


def test_the_texts_that_an_event_names_are_found_in_its_fields_and_in_their_values():
    origin = ForkOrigin("1", 0, "R/1/0", 9, "a" * 64, 2)
    problem = PinnedProblem("1", "one", None, "b" * 64)

    assert [] == list(events.named_texts(RunForked("R", (origin,))))
    assert ["c" * 64, "b" * 64] == list(events.named_texts(RunExtended("c" * 64, (problem,), 1, None)))
