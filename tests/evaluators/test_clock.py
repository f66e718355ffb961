import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.evaluators.clock import ASLEEP_MS, AWAKE_MS, Calibration

times = st.lists(st.floats(0.001, 1000.0), min_size=1, max_size=20)
QUIET = Calibration(overhead_ms=0.1, spread_ms=0.01, show_ms=0.2, show_spread_ms=0.01)


def test_calibrating_takes_the_medians_and_the_spread_of_the_later_half():
    calibration = Calibration.of([99.0] * 5 + [1.0, 1.0, 1.0, 1.0, 2.0], [9.0, 9.0, 3.0, 3.0])

    assert (1.0, 3.0, 0.0) == (calibration.overhead_ms, calibration.show_ms, calibration.show_spread_ms)
    assert 0.0 == calibration.spread_ms


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


def test_calls_that_put_their_work_off_are_charged_one_by_one():
    late = QUIET.late([0.2, 5.2] * 5, wall_ms=[5.2, 0.2] * 5)

    assert [0.0, pytest.approx(5.0)] * 5 == list(late)


def test_one_late_showing_is_chance():
    assert {0.0} == set(QUIET.late([0.2, 0.2, 9.0], wall_ms=[1.0] * 3))


def test_noise_seen_while_nothing_ran_widens_what_is_believed():
    noisy = Calibration(overhead_ms=0.1, spread_ms=1.0, show_ms=0.2, show_spread_ms=0.01)

    assert not QUIET.agrees([1.0], [2.1])
    assert noisy.agrees([1.0], [2.1])


def test_who_sleeps_is_given_more_time_to_wake_up():
    asleep = Calibration.of([0.0], [0.0], slack_ms=ASLEEP_MS)
    awake = Calibration.of([0.0], [0.0])

    assert (True, False) == (asleep.agrees([1.0], [1.2]), awake.agrees([1.0], [1.2]))
    assert AWAKE_MS < ASLEEP_MS


def test_showing_in_the_time_a_copy_takes_puts_nothing_off():
    assert (0.0,) * 9 == QUIET.late([0.2, 0.25, 0.3] * 3, wall_ms=[1.0] * 9)


def test_showing_that_takes_as_long_as_the_work_is_charged_in_full():
    assert [pytest.approx(5.0)] * 9 == list(QUIET.late([5.2] * 9, wall_ms=[0.2] * 9))


@given(times, times)
def test_what_is_put_off_is_never_negative(shown, walls):
    assert min(QUIET.late(shown, wall_ms=walls)) >= 0


def test_an_unknown_calibration_takes_nothing_off():
    assert 3.0 == Calibration.unknown().judged(3.0)
