"""The numbers that a result states about times."""

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.domain import digest_of
from caesar.evaluators.statistics import (
    LEAST_PAIRS,
    beyond_one_process,
    quantiles,
    samples_of,
    settled,
    speedup_interval,
    timing_of,
)

POSITIVE = st.floats(min_value=1e-4, max_value=1e6)
MEASURED = st.integers(100, 10**12).map(lambda nanoseconds: nanoseconds / 1e6)
"""Milliseconds as they are kept: two of them are equal, or differ by more than rounding does."""
PAIRS = st.lists(st.tuples(POSITIVE, POSITIVE), min_size=LEAST_PAIRS, max_size=40)


def noisy(count, *, seed, mean=1.0, spread=0.01):
    chance = random.Random(seed)
    return [mean * math.exp(chance.gauss(0, spread)) for _ in range(count)]


def share_whole(measured, *, truth, repeats):
    intervals = [speedup_interval(*measured(random.Random(seed))) for seed in range(repeats)]
    return sum(low <= truth <= high for low, high in intervals) / repeats


def test_a_timing_states_median_mean_spread_extremes_and_keeps_every_sample():
    samples = [3.0, 1.0, 2.0, 6.0]

    timing = timing_of(samples)

    assert (2.5, 3.0, 1.0, 6.0, 4) == (
        timing.median_ms,
        timing.mean_ms,
        timing.min_ms,
        timing.max_ms,
        timing.trials,
    )
    assert {"p05": 1.0, "p25": 1.5, "p75": 4.5, "p95": 6.0} == timing.quantiles_ms
    assert digest_of(json.dumps(samples)) == timing.samples
    assert samples == json.loads(samples_of(samples))


def test_quantiles_lie_between_the_samples_they_are_nearest_to():
    assert (1.0, 1.5, 3.5, 4.0) == quantiles([4.0, 2.0, 1.0, 3.0], (0.0, 0.25, 0.75, 1.0))


def test_quantiles_of_one_sample_are_the_sample():
    assert (7.0, 7.0, 7.0, 7.0) == quantiles([7.0])


def test_steady_times_are_settled_once_there_are_ten():
    steady = [1.0, 1.001] * 5

    assert settled(steady)
    assert not settled(steady[:9])


def test_noisy_times_settle_when_there_are_enough_of_them():
    assert not settled(noisy(20, seed=1, spread=0.1))
    assert settled(noisy(2000, seed=1, spread=0.1))


def test_times_that_still_fall_are_not_settled_by_their_small_steps():
    falling = [1.0 - 0.003 * call for call in range(40)]

    assert not settled(falling)


def test_an_outlier_keeps_the_clock_running():
    assert not settled([1.0, 1.001] * 10 + [3.0])


def test_a_laxer_share_settles_earlier():
    samples = noisy(20, seed=2, spread=0.1)

    assert settled(samples, share=0.05)


@given(PAIRS)
def test_an_interval_is_ordered_positive_and_holds_the_speedup(pairs):
    reference, candidate = zip(*pairs, strict=True)

    low, high = speedup_interval(reference, candidate)

    speedup = timing_of(reference).median_ms / timing_of(candidate).median_ms
    assert 0 < low <= high
    assert low * (1 - 1e-9) <= speedup <= high * (1 + 1e-9)


@given(PAIRS)
def test_swapping_the_two_turns_the_interval_over(pairs):
    reference, candidate = zip(*pairs, strict=True)

    low, high = speedup_interval(reference, candidate)

    assert pytest.approx((1 / high, 1 / low)) == speedup_interval(candidate, reference)


@given(st.lists(st.tuples(MEASURED, MEASURED), min_size=LEAST_PAIRS, max_size=40), POSITIVE)
def test_the_unit_of_the_times_does_not_matter(pairs, unit):
    reference, candidate = zip(*pairs, strict=True)

    scaled = [[unit * sample for sample in samples] for samples in (reference, candidate)]

    assert pytest.approx(speedup_interval(reference, candidate), rel=1e-6) == speedup_interval(*scaled)


def test_equal_times_throughout_leave_no_doubt():
    low, high = speedup_interval([2.0] * 10, [1.0] * 10)

    assert pytest.approx((2.0, 2.0)) == (low, high)


def test_a_higher_level_takes_a_wider_interval():
    reference, candidate = noisy(40, seed=3), noisy(40, seed=4)

    low, high = speedup_interval(reference, candidate)
    lower, higher = speedup_interval(reference, candidate, level=0.99)

    assert lower < low < high < higher


def test_an_outlier_does_not_move_the_interval():
    reference, candidate = noisy(40, seed=3), noisy(40, seed=4)
    candidate[candidate.index(max(candidate))] = 1000.0

    low, high = speedup_interval(reference, candidate)

    assert 0.98 < low < high < 1.02


def test_a_clock_that_both_share_does_not_widen_the_interval():
    clock = [1 + 0.2 * call / 50 for call in range(50)]
    reference, candidate = noisy(50, seed=3, spread=0.001), noisy(50, seed=4, spread=0.001)
    together = [
        [rate * sample for rate, sample in zip(clock, samples, strict=True)]
        for samples in (reference, candidate)
    ]

    low, high = speedup_interval(*together)

    assert high - low < 0.02


@pytest.mark.parametrize("count", [10, 30, 100])
def test_the_interval_holds_the_true_speedup_in_93_to_97_of_100(count):
    def measured(chance):
        return [[speed * chance.lognormvariate(0, 0.02) for _ in range(count)] for speed in (1.5, 1.0)]

    assert 0.93 <= share_whole(measured, truth=1.5, repeats=1500) <= 0.97


def test_a_drifting_clock_with_outliers_keeps_the_coverage():
    def measured(chance):
        clock = [1 + 0.03 * pair / 40 for pair in range(40)]
        calls = [
            [rate * chance.lognormvariate(0, 0.01) * (2 if chance.random() < 0.05 else 1) for rate in clock]
            for _ in range(2)
        ]
        return calls[0], calls[1]

    assert 0.93 <= share_whole(measured, truth=1.0, repeats=1500) <= 0.97


def test_a_reference_against_itself_is_called_faster_in_at_most_10_of_200():
    intervals = [speedup_interval(noisy(50, seed=seed), noisy(50, seed=-1 - seed)) for seed in range(200)]

    assert sum(low > 1 for low, _ in intervals) <= 10


def test_too_few_or_unpaired_or_impossible_times_have_no_interval():
    enough = [1.0] * LEAST_PAIRS

    with pytest.raises(ValueError, match="as many times"):
        speedup_interval(enough, enough[:-1])
    with pytest.raises(ValueError, match="at least 6 pairs"):
        speedup_interval(enough[:-1], enough[:-1])
    with pytest.raises(ValueError, match="positive"):
        speedup_interval(enough, [0.0] * LEAST_PAIRS)


@pytest.mark.parametrize(("gpu", "milliseconds"), [(True, 0.02), (True, 3.0), (False, 0.5), (False, 50.0)])
def test_what_no_number_of_calls_averages_out_widens_an_interval_most_where_calls_are_short(gpu, milliseconds):
    sure = (1.0, 1.0)

    low, high = beyond_one_process(sure, reference_ms=milliseconds, candidate_ms=milliseconds, gpu=gpu)
    longer = beyond_one_process(sure, reference_ms=10 * milliseconds, candidate_ms=10 * milliseconds, gpu=gpu)

    assert low < longer[0] < 1 < longer[1] < high


def test_on_a_gpu_a_microsecond_more_or_less_makes_nobody_faster():
    low, _ = beyond_one_process((1.05, 1.05), reference_ms=0.021, candidate_ms=0.02, gpu=True)

    assert low <= 1
