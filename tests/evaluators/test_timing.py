import itertools
import os
import statistics
from dataclasses import replace

import pytest
import torch

from caesar.effects import EvaluationSettings, TimingPolicy
from caesar.evaluators import timing
from caesar.evaluators.clock import Calibration, Span
from caesar.evaluators.device import Cpu, TimedCall
from caesar.evaluators.opponent import Called
from caesar.evaluators.timing import Bout, Taken, measure, quiet_ms

NOTHING, COPY = Span(0.0, 0.0, 0.0), Span(0.1, 0.0, 0.1)
QUIET = Calibration(idle=NOTHING, withdrawing=COPY, showing=COPY)


class Scene:
    """Bench, device, stands and opponent at once: notes what happens, takes the times it was told."""

    def __init__(
        self,
        *,
        reference_ms=1.0,
        candidate_ms=1.0,
        wall_ms=None,
        show_ms=0.1,
        head_start_ms=0.0,
        writable=False,
    ):
        self.events = []
        self.head_start_ms = head_start_ms
        self.reference_ms = reference_ms
        self.candidate_ms = candidate_ms
        self.wall_ms = wall_ms or candidate_ms
        self.show_ms = show_ms
        self.stands = (Stand(self, 0), Stand(self, 1), Stand(self, 2))
        self.device = self
        self.writable = writable

    def model(self, x):
        self.events.append(("reference", x.item(), torch.initial_seed()))
        return x + 1

    def timed(self, model, inputs, *, seed):
        torch.manual_seed(seed)
        return TimedCall(self.reference_ms, self.reference_ms / 2, model(*inputs))

    def clear_caches(self):
        self.events.append(("clear_caches",))

    def poison(self, pattern):
        self.events.append(("poison",))

    def prepare(self, *, slot, seed):
        self.events.append(("prepare", slot, seed))
        self.prepared = self.stands[slot], seed

    def call(self, show):
        show()
        stand, seed = self.prepared
        self.events.append(("candidate", stand.shown.item(), seed))
        if self.writable:
            stand.shown.zero_()
        return Called(self.candidate_ms, self.candidate_ms / 4, self.wall_ms, self.head_start_ms)

    def take(self, stand):
        self.events.append(("take", stand.number))
        return Taken(None, (stand.shown + 1,), 0.1, self.show_ms)

    def compare(self, expected, taken, **_more):
        self.events.append(("compare", expected.item(), taken.outputs[0].item()))

    def names(self):
        return [event[0] for event in self.events]

    def calls(self):
        return [event for event in self.events if event[0] in ("reference", "candidate")]


class Stand:
    def __init__(self, scene, number):
        self.scene, self.number = scene, number

    def make(self, seed):
        value = float(seed % 1000 + 1000 * self.number)
        self.scene.events.append(("make", self.number, seed))
        return [torch.tensor(value)]

    def show(self, inputs):
        self.scene.events.append(("show", self.number))
        self.shown = inputs[0].clone()


def timed(*, trials=6, timing_s=1.0, policy=TimingPolicy.AUTO, now=lambda: 0.0, calibration=QUIET, **scene):
    made = Scene(**scene)
    settings = EvaluationSettings(timing_trials=trials, timing_s=timing_s, timing=policy)
    bout = Bout(made, made, calibration, examiner=made)
    measured, notes = measure(bout, settings=settings, now=now)
    return measured, notes, made


def test_as_many_calls_are_measured_as_asked_for_if_there_is_time():
    measured, notes, _ = timed(trials=7)

    assert ((1.0,) * 7, (1.0,) * 7, ()) == (measured.candidate_ms, measured.reference_ms, notes)


def test_timing_stops_once_both_means_are_known():
    measured, _, _ = timed(trials=100)

    assert 10 == len(measured.candidate_ms)


def test_ten_calls_of_each_are_measured_however_long_they_take():
    measured, _, _ = timed(trials=100, now=itertools.count(step=1000.0).__next__)

    assert 10 == len(measured.candidate_ms)


def test_three_calls_of_each_suffice_where_calls_are_slow():
    measured, _, scene = timed(trials=100, reference_ms=1500.0, now=itertools.count(step=1000.0).__next__)

    assert 3 == len(measured.candidate_ms)
    assert 2 + 6 == len(scene.calls())


@pytest.mark.parametrize(("policy", "pairs"), [(TimingPolicy.AUTO, 10), (TimingPolicy.ALWAYS, 60)])
def test_a_candidate_that_is_clearly_slower_is_timed_no_longer_unless_asked_to(monkeypatch, policy, pairs):
    monkeypatch.setattr(timing, "settled", lambda _: False)

    measured, _, _ = timed(trials=60, candidate_ms=9.0, policy=policy)

    assert pairs == len(measured.candidate_ms)


def test_timing_goes_on_until_its_time_is_spent_where_means_never_settle(monkeypatch):
    monkeypatch.setattr(timing, "settled", lambda _: False)

    measured, _, _ = timed(trials=1000, timing_s=30.5, now=itertools.count().__next__)

    assert 10 < len(measured.candidate_ms) <= 40


def test_reference_and_candidate_take_turns_at_going_first(monkeypatch):
    monkeypatch.setattr(timing.secrets, "randbelow", lambda _: 0)

    _, _, scene = timed(trials=4)

    order = [name for name, *_ in scene.calls()[4:]]
    assert ["reference", "candidate", "candidate", "reference"] * 2 == order


def test_both_see_equal_inputs_and_seeds_within_a_pair():
    _, _, scene = timed()

    calls = scene.calls()
    assert all(one[1:] == other[1:] for one, other in zip(calls[::2], calls[1::2], strict=True))


def test_a_candidate_that_changes_its_inputs_does_not_change_the_references():
    _, _, scene = timed(writable=True)

    calls = scene.calls()
    assert all(one[1:] == other[1:] for one, other in zip(calls[::2], calls[1::2], strict=True))


def test_no_two_pairs_have_the_same_seed():
    _, _, scene = timed(trials=20)

    seeds = [call[2] for call in scene.calls()[::2]]
    assert len(set(seeds)) == len(seeds)


def test_inputs_are_shown_one_set_at_a_time_in_turn():
    _, _, scene = timed()

    shown = [event[1] for event in scene.events if event[0] == "show"]
    assert [number % 3 for number in range(len(shown))] == shown


def test_inputs_are_shown_right_before_the_candidate_is_called_on_them():
    _, _, scene = timed()

    names = scene.names()
    assert all(names[at + 1] == "candidate" for at, name in enumerate(names) if name == "show")


def test_calls_that_are_over_before_one_of_nothing_would_be_are_charged_from_when_they_were_asked_for():
    calibration = replace(QUIET, idle=Span(0.2, 0.0, 0.19), gated=True)

    measured, notes, _ = timed(candidate_ms=0.001, wall_ms=0.05, head_start_ms=3.0, calibration=calibration)

    assert ["timing_inconsistent"] == [kind for kind, _ in notes]
    assert {2.85} == {round(ms, 6) for ms in measured.candidate_ms}


def test_on_a_cpu_no_call_is_too_short():
    calibration = replace(QUIET, idle=Span(0.2, 0.01, 0.19))

    measured, _, _ = timed(candidate_ms=0.001, wall_ms=0.05, calibration=calibration)

    assert measured.candidate_ms


def test_a_seed_told_ahead_says_nothing_of_the_inputs():
    _, _, scene = timed(trials=20)

    told = {event[2] for event in scene.events if event[0] == "prepare"}
    made = {event[2] for event in scene.events if event[0] == "make"}
    assert told.isdisjoint(made)


def test_outputs_are_taken_before_anything_else_happens():
    _, _, scene = timed()

    names = scene.names()
    assert all(names[at + 1] == "take" for at, name in enumerate(names) if name == "candidate")


def test_the_candidate_finds_poisoned_outputs():
    _, _, scene = timed()

    names = scene.names()
    for at, name in enumerate(names):
        if name == "candidate":
            assert "poison" in names[max(0, at - 4) : at]


def test_the_outputs_of_every_call_are_compared_with_the_references_for_the_same_inputs():
    _, _, scene = timed(trials=5)

    compared = [event for event in scene.events if event[0] == "compare"]
    assert len(scene.calls()) // 2 == len(compared)
    assert all(
        event[1] == event[2] == call[1] + 1 for event, call in zip(compared, scene.calls()[::2], strict=True)
    )


def test_what_a_candidate_can_see_before_a_call_is_the_same_for_every_call():
    _, _, scene = timed(trials=20)

    seen = [name for name in scene.names() if name not in ("reference", "make")]  # the judge's own business
    turn = ["prepare", "poison", "clear_caches", "show", "candidate", "take", "compare"]
    assert turn * (len(seen) // len(turn)) == seen


def test_claims_that_agree_with_the_judges_clock_count():
    measured, notes, _ = timed(candidate_ms=1.0, wall_ms=1.02)

    assert ("candidate", {1.0}, ()) == (measured.clock, set(measured.candidate_ms), notes)


def slow_at_first(monkeypatch, *, calls):
    """A candidate whose first calls take long by the judge's clock, and the rest as long as it claims."""
    walls = itertools.chain([5.0] * calls, itertools.repeat(1.0))
    monkeypatch.setattr(Scene, "call", lambda *_: Called(1.0, 0.5, next(walls)))
    monkeypatch.setattr(Scene, "take", lambda *_: Taken(None, (torch.zeros(1),), 0.1, 0.1))
    monkeypatch.setattr(timing.secrets, "randbelow", lambda _: 0)


def test_a_disagreement_that_a_second_measurement_does_not_find_is_chance(monkeypatch):
    slow_at_first(monkeypatch, calls=2 + 6)

    measured, notes, _ = timed(trials=6, policy=TimingPolicy.ALWAYS)

    assert ("candidate", {1.0}) == (measured.clock, set(measured.candidate_ms))
    assert [("timed_twice", True)] == [(kind, "a second time they agreed" in detail) for kind, detail in notes]


def test_a_disagreement_in_both_measurements_counts_as_the_first_says(monkeypatch):
    slow_at_first(monkeypatch, calls=2 + 6 + 2 + 3)

    measured, notes, _ = timed(trials=6, policy=TimingPolicy.ALWAYS)

    assert ("judge", {5.0}) == (measured.clock, set(measured.candidate_ms))
    assert ["timing_inconsistent"] == [kind for kind, _ in notes]


def test_what_took_long_is_not_measured_again(monkeypatch):
    slow_at_first(monkeypatch, calls=2 + 6)

    measured, _, _ = timed(trials=6, policy=TimingPolicy.ALWAYS, now=itertools.count().__next__)

    assert "judge" == measured.clock


def test_no_call_is_charged_less_than_it_claims():
    busy_when_calibrated = replace(QUIET, idle=Span(9.0, 0.0, 9.0))

    measured, notes, _ = timed(candidate_ms=9.0, wall_ms=9.1, show_ms=2.1, calibration=busy_when_calibrated)

    assert ["timing_inconsistent"] == [kind for kind, _ in notes]
    assert {9.0} == set(measured.candidate_ms)


def test_claims_that_do_not_agree_are_replaced_by_the_judges_clock():
    measured, notes, _ = timed(candidate_ms=0.1, wall_ms=5.0)

    assert ("judge", {5.0}) == (measured.clock, set(measured.candidate_ms))
    assert ["timing_inconsistent"] == [kind for kind, _ in notes]


def test_the_overhead_of_asking_is_taken_off():
    calibration = Calibration(idle=Span(0.5, 0.0, 0.5), withdrawing=COPY, showing=COPY)

    measured, _, _ = timed(candidate_ms=0.1, wall_ms=5.0, calibration=calibration)

    assert {4.5} == set(measured.candidate_ms)


def test_work_put_off_until_outputs_are_shown_is_charged():
    measured, notes, _ = timed(candidate_ms=0.1, wall_ms=0.1, show_ms=8.1)

    assert {8.1} == set(measured.candidate_ms)
    assert "8.0000 ms of it until its outputs were there" in notes[0][1]


def test_work_put_off_in_every_other_call_is_charged_there(monkeypatch):
    shows = itertools.cycle([0.1, 9.1])
    monkeypatch.setattr(Scene, "take", lambda *_: Taken(None, (torch.zeros(1),), 0.1, next(shows)))

    measured, notes, _ = timed(trials=20, candidate_ms=0.5, policy=TimingPolicy.ALWAYS)

    assert {0.5, 9.5} == set(measured.candidate_ms)
    assert ["timing_inconsistent"] == [kind for kind, _ in notes]


def test_what_launching_takes_is_told():
    measured, _, _ = timed(reference_ms=2.0, candidate_ms=4.0)

    assert (1.0, 1.0) == (measured.reference_launch_ms, measured.launch_ms)


@pytest.mark.parametrize("claim", [1e-9, 1e-300])
def test_a_measured_time_is_never_zero(claim):
    measured, _, _ = timed(candidate_ms=claim, wall_ms=0.01, trials=20)

    assert min(measured.candidate_ms) > 0


def test_the_number_of_warm_up_calls_can_not_be_foreseen():
    seen = set()
    for _ in range(50):
        _, _, scene = timed(trials=1)
        seen.add(len(scene.calls()) // 2 - 1)

    assert {2, 3, 4, 5} >= seen
    assert len(seen) > 1


@pytest.mark.parametrize(("call_s", "calls"), [(0.0, 6), (0.07, 4), (10.0, 3)])
def test_the_reference_alone_is_called_a_few_times_and_the_first_only_warms_up(call_s, calls):
    scene, clock = Scene(), itertools.count(step=call_s)
    times = iter([9.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    scene.timed = lambda model, inputs, *, seed: TimedCall(next(times), 0.1, model(*inputs))

    quiet = quiet_ms(scene, now=lambda: next(clock))

    assert calls == len(scene.calls())
    assert quiet == statistics.median([1.0, 2.0, 3.0, 4.0, 5.0][: calls - 1])


def test_the_cpu_measures_wall_clock_milliseconds():
    timed_call = Cpu().timed(lambda: sum(range(100_000)))

    assert 4_999_950_000 == timed_call.result
    assert 0.01 < timed_call.elapsed_ms < 10_000


def test_a_call_on_a_core_has_that_core_and_one_thread_and_afterwards_what_there_was():
    cores, threads = os.sched_getaffinity(0), torch.get_num_threads()

    seen = Cpu(min(cores)).timed(lambda: (os.sched_getaffinity(0), torch.get_num_threads())).result
    with pytest.raises(ZeroDivisionError):
        Cpu(min(cores)).timed(lambda: 1 / 0)

    assert ({min(cores)}, 1) == seen
    assert (cores, threads) == (os.sched_getaffinity(0), torch.get_num_threads())
