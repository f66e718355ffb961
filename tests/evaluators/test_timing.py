import itertools

import torch

from caesar.effects import EvaluationSettings, Precision
from caesar.evaluators.device import Cpu
from caesar.evaluators.reference import load_reference
from caesar.evaluators.timing import Bench, Rotation, measure, rotation_of

ROTATION_SETS = [[torch.tensor([1.0])], [torch.tensor([2.0])]]


class Slow(Cpu):
    """A device whose calls take so many milliseconds by its own word."""

    def __init__(self, milliseconds):
        super().__init__()
        self.milliseconds = milliseconds
        self.flushes = 0

    def flush(self):
        self.flushes += 1

    def timed(self, call):
        return self.milliseconds, call()


class Recorder:
    """A model that notes every call."""

    def __init__(self, name, calls):
        self.name = name
        self.calls = calls

    def __call__(self, x):
        self.calls.append((self.name, x.data_ptr(), x.item(), torch.initial_seed()))
        return x + 1


def timed(*, device=None, trials=6, timing_s=1.0, now=lambda: 0.0, kept=4):
    calls = []
    rotation = Rotation(ROTATION_SETS, kept=kept)
    bench = Bench(Recorder("reference", calls), Recorder("candidate", calls), rotation, device or Slow(1.0))
    settings = EvaluationSettings(timing_trials=trials, timing_s=timing_s)
    return measure(bench, settings=settings, now=now), calls


def test_as_many_calls_are_measured_as_asked_for_if_there_is_time():
    measured, _calls = timed(trials=37)

    assert (1.0,) * 37 == measured.candidate_ms
    assert (1.0,) * 37 == measured.reference_ms


def test_ten_calls_of_each_are_measured_however_long_they_take():
    measured, _calls = timed(trials=100, now=itertools.count(step=1000.0).__next__)

    assert 10 == len(measured.candidate_ms)


def test_three_calls_of_each_suffice_where_calls_are_slow():
    measured, calls = timed(trials=100, device=Slow(1500.0), now=itertools.count(step=1000.0).__next__)

    assert 3 == len(measured.candidate_ms)
    assert 2 + 6 == len(calls)


def test_timing_stops_when_its_time_is_spent():
    measured, _calls = timed(trials=100, timing_s=20.5, now=itertools.count().__next__)

    assert 30 == len(measured.candidate_ms)


def test_reference_and_candidate_take_turns_at_going_first():
    _measured, calls = timed(trials=4)

    order = [name for name, *_ in calls[6:]]

    assert ["reference", "candidate", "candidate", "reference"] * 2 == order


def test_both_see_equal_inputs_and_seeds_within_a_pair():
    _measured, calls = timed()

    assert all(one[2:] == other[2:] for one, other in zip(calls[::2], calls[1::2], strict=True))


def test_no_pair_repeats_the_inputs_and_seed_of_the_pair_before():
    _measured, calls = timed()

    pairs = [call[2:] for call in calls[::2]]

    assert all(one[0] != other[0] and one[1] != other[1] for one, other in itertools.pairwise(pairs))


def test_a_call_gets_other_memory_than_the_calls_just_before():
    _measured, calls = timed()

    pointers = [pointer for _name, pointer, *_ in calls]

    assert all(one != other for one, other in itertools.pairwise(pointers))


def test_caches_are_emptied_before_every_call():
    device = Slow(1.0)

    _measured, calls = timed(device=device)

    assert len(calls) == device.flushes


def test_the_outputs_of_the_last_pair_are_kept():
    measured, calls = timed()

    assert calls[-1][2] + 1 == measured.got.item() == measured.expected.item()


def test_models_can_not_change_the_rotation():
    rotation = Rotation([[torch.zeros(1)]], kept=0)

    rotation.fresh(rotation.turn())[0].add_(5)

    assert [0.0] == rotation.turn()[0].tolist()


def test_the_cpu_measures_wall_clock_milliseconds():
    elapsed_ms, result = Cpu().timed(lambda: sum(range(100_000)))

    assert 4_999_950_000 == result
    assert 0.01 < elapsed_ms < 10_000


def rotation_from(source, *, now=lambda: 0.0):
    reference = load_reference(source, device=Cpu(), precision=Precision.FP32)
    return rotation_of(reference, now=now)


def distinct_sets(rotation):
    return len({rotation.turn()[0][0].item() for _ in range(10)})


def test_a_rotation_has_three_sets_of_inputs():
    assert 3 == distinct_sets(rotation_from("import torch\ndef get_inputs(): return [torch.rand(1)]"))


def test_a_rotation_of_large_inputs_has_one_set():
    source = "import torch\ndef get_inputs(): return [torch.rand(1).expand(1 << 28)]"

    assert 1 == distinct_sets(rotation_from(source))


def test_a_rotation_of_inputs_that_take_long_to_make_has_one_set():
    source = "import torch\ndef get_inputs(): return [torch.rand(1)]"

    assert 1 == distinct_sets(rotation_from(source, now=itertools.count(step=2.0).__next__))
