from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.evaluators.clock import ASLEEP_MS, AWAKE_MS, Calibration, Span

times = st.lists(st.floats(0.001, 1000.0), min_size=1, max_size=20)
IDLE, SHORT = Span(0.1, 0.01, 0.09), Span(0.2, 0.01, 0.19)
QUIET = Calibration(idle=IDLE, withdrawing=SHORT, showing=SHORT)


def test_a_span_is_the_median_the_spread_and_the_least_of_the_later_half():
    assert Span(1.0, 0.0, 0.5) == Span.of([99.0] * 5 + [0.5, 1.0, 1.0, 1.0, 2.0])
    assert Span(3.0, 0.0, 3.0) == Span.of([9.0, 9.0, 3.0, 3.0])


def test_the_overhead_is_taken_off_the_judges_time():
    assert pytest.approx(0.9) == QUIET.judged(1.0)


@given(st.floats(0.0, 1000.0))
def test_a_judged_time_is_never_zero(wall_ms):
    assert QUIET.judged(wall_ms) > 0


@given(times)
def test_claims_equal_to_the_judges_own_time_agree(walls):
    assert QUIET.agrees([QUIET.judged(wall) for wall in walls], walls)


@given(st.floats(1.0, 1000.0))
def test_half_the_judges_time_is_not_believed(wall_ms):
    assert not QUIET.agrees([QUIET.judged(wall_ms) / 2] * 5, [wall_ms] * 5)


def test_a_single_interrupted_call_does_not_make_a_liar():
    assert QUIET.agrees([1.0, 1.0, 1.0], [1.1, 1.1, 50.0])


def test_short_claims_in_half_of_the_calls_are_not_believed():
    assert not QUIET.agrees([0.001, 5.0] * 5, [5.1] * 10)


def late(*, withdrawn=(0.2,), shown=(0.2,), walls=(1.0,), calibration=QUIET):
    count = max(map(len, (withdrawn, shown, walls)))
    each = [(samples * count)[:count] for samples in (withdrawn, shown, walls)]
    return calibration.late(each[0], each[1], wall_ms=each[2])


@pytest.mark.parametrize("when", ["withdrawn", "shown"])
def test_calls_that_put_their_work_off_are_charged_one_by_one(when):
    assert [0.0, pytest.approx(5.0)] * 5 == list(late(**{when: (0.2, 5.2) * 5}, walls=(5.2, 0.2) * 5))


def test_what_was_put_off_until_either_is_charged_together():
    assert [pytest.approx(12.0)] * 9 == list(late(withdrawn=(5.2,) * 9, shown=(7.2,)))


def test_one_late_call_is_chance():
    assert {0.0} == set(late(shown=(0.2, 0.2, 9.0)))
    assert {0.0} == set(late(withdrawn=(0.2, 0.2, 9.0)))


def test_a_candidate_has_no_part_in_withdrawing_and_some_in_showing():
    slow = Span(10.0, 0.0, 10.0)
    calibration = Calibration(idle=IDLE, withdrawing=slow, showing=slow)

    took = {"withdrawn": (10.0,), "shown": (10.0,), "walls": (5.0,) * 9, "calibration": calibration}
    assert {0.0} == set(late(**took | {"shown": (12.0,)}))
    assert {0.0} == set(late(**took | {"withdrawn": (20.0,)}))
    assert {11.0} == set(late(**took | {"withdrawn": (21.0,)}))
    on_a_gpu = replace(calibration, gated=True)
    assert {2.0} == set(late(**took | {"withdrawn": (12.0,), "calibration": on_a_gpu}))


def test_a_call_too_short_to_have_written_its_outputs_is_charged_the_copying():
    calibration = Calibration(idle=IDLE, withdrawing=SHORT, showing=Span(10.2, 0.0, 10.2), copying_ms=10.1)

    assert {10.2} == set(late(shown=(10.2,), walls=(2.9 + IDLE.ms,) * 9, calibration=calibration))
    assert {0.0} == set(late(shown=(10.2,), walls=(3.1 + IDLE.ms,) * 9, calibration=calibration))


def test_where_copying_is_too_quick_for_the_clock_no_call_is_too_short():
    calibration = replace(QUIET, copying_ms=AWAKE_MS)

    assert {0.0} == set(late(walls=(1e-9,) * 9, calibration=calibration))


def test_what_asking_and_describing_take_is_no_part_of_copying():
    slow_to_show = replace(QUIET, showing=Span(0.42, 0.01, 0.4), copying_ms=0.02)

    assert {0.0} == set(late(shown=(0.42,), walls=(IDLE.ms + 0.006,) * 9, calibration=slow_to_show))


def test_noise_seen_while_nothing_ran_widens_what_is_believed():
    noisy = Calibration(idle=Span(0.1, 1.0, 0.1), withdrawing=SHORT, showing=SHORT)

    assert not QUIET.agrees([1.0], [2.1])
    assert noisy.agrees([1.0], [2.1])


def test_who_sleeps_is_given_more_time_to_wake_up():
    asleep, awake = Calibration(slack_ms=ASLEEP_MS), Calibration()

    assert (True, False) == (asleep.agrees([1.0], [1.2]), awake.agrees([1.0], [1.2]))
    assert AWAKE_MS < ASLEEP_MS


@given(times, st.floats(0.001, 1000.0), st.floats(0.001, 1000.0))
def test_what_is_put_off_is_never_negative(walls, withdrawn, shown):
    assert min(late(withdrawn=(withdrawn,), shown=(shown,), walls=tuple(walls))) >= 0


@given(st.floats(0.01, 100.0), st.floats(0.0, 1.0), st.floats(0.0, 100.0), st.floats(0.0, 100.0), st.booleans())
def test_what_is_believed_hides_no_more_than_is_told(wall, share, withdrawing, showing, gated):
    calibration = replace(QUIET, gated=gated)
    judged = calibration.judged(wall)
    claim = share * judged
    walls, withdrawn, shown = (wall,) * 9, SHORT.ms + withdrawing, SHORT.ms + showing

    believed = calibration.agrees((claim,) * 9, walls) and not any(
        calibration.late((withdrawn,) * 9, (shown,) * 9, wall_ms=walls)
    )

    hidden = judged - claim + withdrawing + showing
    assert not believed or hidden <= calibration.unseen_ms(wall) + 1e-6


def test_an_unknown_calibration_takes_nothing_off():
    assert 3.0 == Calibration().judged(3.0)
