import pytest
from evaluation_cases import QUICK
from hypothesis import given
from hypothesis import strategies as st

from caesar.domain import Finding, Mismatch
from caesar.evaluators.account import account_of
from caesar.evaluators.protocol import (
    STAGES,
    Cause,
    Described,
    Differs,
    Noticed,
    Prepared,
    Raised,
    Reached,
    Stage,
    Timed,
    Tried,
    Unusable,
    decode_frame,
    encode,
)

DESCRIBED = Described("a processor", "2.13", None)
TIMED = Timed((1.0, 2.0), (3.0, 4.0))
VALUES = Mismatch("values", "1", "2")


def up_to(stage):
    """The frames of an evaluation in which everything went well, up to the start of a stage."""
    frames = [
        Reached(Stage.DEVICE, 0.0),
        DESCRIBED,
        Reached(Stage.REFERENCE, 1.0),
        Reached(Stage.CANDIDATE, 2.0),
        Prepared("copied"),
        Reached(Stage.TRIAL, 3.0),
        Tried(),
        Tried(),
        Reached(Stage.TIMING, 4.0),
    ]
    reached = [frame.stage if isinstance(frame, Reached) else None for frame in frames]
    return frames[: reached.index(stage) + 1]


def account(*frames):
    return account_of([encode(frame) for frame in frames], settings=QUICK)


def test_a_whole_evaluation_adds_up():
    found = account(*up_to(Stage.TIMING), TIMED)

    assert found.intact
    assert DESCRIBED == found.described
    assert "copied" == found.parameters
    assert 2 == found.trials_passed
    assert TIMED == found.ending
    assert dict(zip(STAGES, range(5), strict=True)) == found.reached_s


def test_nothing_said_is_nothing_known():
    found = account()

    assert found.stage is None
    assert found.intact


@pytest.mark.parametrize(
    ("stage", "frame"),
    [
        (Stage.DEVICE, Raised("ValueError", "")),
        (Stage.DEVICE, Prepared("copied")),
        (Stage.DEVICE, Noticed(Finding("a", "b"))),
        (Stage.DEVICE, Reached(Stage.CANDIDATE, 1.0)),
        (Stage.REFERENCE, Differs(VALUES)),
        (Stage.REFERENCE, Reached(Stage.CANDIDATE, 0.5)),
        (Stage.CANDIDATE, Unusable(Cause.RAISED, "")),
        (Stage.CANDIDATE, DESCRIBED),
        (Stage.CANDIDATE, Tried()),
        (Stage.CANDIDATE, TIMED),
        (Stage.CANDIDATE, Reached(Stage.REFERENCE, 5.0)),
        (Stage.TRIAL, Prepared("seeded")),
        (Stage.TRIAL, TIMED),
        (Stage.TRIAL, Differs(VALUES, timed=True)),
        (Stage.TIMING, Tried()),
        (Stage.TIMING, Differs(VALUES)),
        (Stage.TIMING, Reached(Stage.TIMING, 9.0)),
        (Stage.TIMING, Timed((), ())),
        (Stage.TIMING, Timed((1.0,), (1.0, 2.0))),
        (Stage.TIMING, Timed((0.0,), (1.0,))),
        (Stage.TIMING, Timed((-1.0,), (1.0,))),
        (Stage.TIMING, Timed((1.0,) * 4, (1.0,) * 4)),
    ],
)
def test_a_frame_out_of_its_place_is_a_violation_and_is_not_read(stage, frame):
    before = account(*up_to(stage))

    after = account(*up_to(stage), frame)

    assert not after.intact
    assert (before.stage, before.ending, before.described) == (after.stage, after.ending, after.described)


def test_a_timing_is_only_believed_after_all_trials_passed():
    frames = [frame for frame in up_to(Stage.TIMING) if not isinstance(frame, Tried)]

    assert not account(*frames, TIMED).intact


def test_more_trials_than_asked_for_are_a_violation():
    assert not account(*up_to(Stage.TRIAL), Tried(), Tried(), Tried()).intact


def test_unknown_words_for_parameters_are_a_violation():
    assert not account(*up_to(Stage.CANDIDATE), Prepared("trained")).intact


def test_nothing_comes_after_the_end():
    assert not account(*up_to(Stage.TIMING), TIMED, TIMED).intact


def test_findings_are_kept_and_bounded():
    found = account(*up_to(Stage.TRIAL), *[Noticed(Finding("a", "b" * 10_000))] * 21)

    assert not found.intact
    assert 20 == len(found.findings)
    assert 500 == len(found.findings[0].detail)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xff",
        b"{}",
        b'{"type":"tried","more":1}',
        b'{"type":"timed","candidate_ms":[NaN],"reference_ms":[1]}',
        b'{"type":"reached","stage":"nowhere","seconds":1}',
        b"[" * 100_000,
    ],
)
def test_garbage_is_no_frame(garbage):
    assert decode_frame(garbage) is None
    assert not account_of([garbage], settings=QUICK).intact


@given(st.lists(st.binary(max_size=50) | st.sampled_from([encode(frame) for frame in up_to(Stage.TIMING)])))
def test_no_replies_whatever_break_the_reader(replies):
    found = account_of(replies, settings=QUICK)

    assert found.trials_passed <= 2
    assert tuple(found.reached_s) == STAGES[: len(found.reached_s)]


@pytest.mark.parametrize(
    "frame", [*up_to(Stage.TIMING), TIMED, Differs(VALUES), Raised("A", "b"), Unusable(Cause.HUB, "x")]
)
def test_a_frame_is_read_as_it_was_written(frame):
    assert frame == decode_frame(encode(frame))
