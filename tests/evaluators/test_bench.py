import os

import pytest
import torch
from contest_cases import bench_of
from evaluation_cases import QUICK, REFERENCE

from caesar.effects import EvaluationSettings, Precision
from caesar.evaluators.bench import HeadStart, Stand, require_comparable
from caesar.evaluators.buffers import attach_buffer
from caesar.evaluators.device import HEAD_START_MS, Cpu, TimedCall
from caesar.evaluators.layout import rebuilt
from caesar.evaluators.opponent import MOST_LAUNCHING_MS

WRITES = REFERENCE.replace("torch.relu(", "torch.relu_(").replace("self.linear(x)", "x")
SEVERAL = REFERENCE.replace("torch.relu(self.linear(x))", "(x, [self.linear(x), 3, None], {'y': x.sum()})")


def test_a_bench_has_memory_for_inputs_and_outputs_of_the_references_form():
    bench = bench_of(SEVERAL)
    places = [output.place for output in bench.stands[0].slot.outputs]

    assert [(4, 8), (4, 8), None, None, ()] == [place and place.shape for place in places]
    assert bench.outputs.nbytes >= sum(place.nbytes for place in places if place)


def test_a_rotation_of_small_inputs_has_eight_stands_of_memory_of_their_own():
    bench = bench_of()

    assert 8 == len({stand.buffer.descriptor for stand in bench.stands})


def test_a_rotation_of_large_inputs_has_as_many_as_empty_the_cache():
    bench = bench_of(REFERENCE.replace("torch.rand(4, 8)", "torch.rand(1 << 22, 8)"))

    assert 2 == len(bench.stands)


def test_released_inputs_are_those_of_the_seed_where_a_candidate_sees_them():
    bench = bench_of()
    stand = bench.stands[0]

    (ours,) = stand.release(5)
    (theirs,) = rebuilt(
        stand.slot.inputs,
        attach_buffer(os.dup(stand.buffer.descriptor), stand.buffer.nbytes, cuda=False, writable=False),
    )

    assert torch.equal(bench.reference.inputs(5)[0], theirs)
    assert torch.equal(ours, theirs)


def test_a_stand_that_was_written_to_does_not_hold_its_inputs():
    stand = bench_of(writable=True).stands[0]
    inputs = stand.release(5)
    (shown,) = rebuilt(stand.slot.inputs, stand.buffer)

    before = stand.holds(inputs)
    shown[0, 0] += 1

    assert (True, False) == (before, stand.holds(inputs))


def test_expanded_inputs_are_held_where_nobody_wrote_to_them():
    reference = REFERENCE.replace("[torch.rand(4, 8) - 0.5]", "[torch.rand(1).expand(8)]")
    stand = bench_of(reference).stands[0]
    inputs = stand.release(5)

    assert stand.holds(inputs)


def test_a_reference_that_writes_to_its_inputs_gets_its_own():
    bench = bench_of(WRITES)
    (inputs,) = bench.stands[0].release(5)
    before = inputs.clone()

    with torch.no_grad():
        expected = bench.expected([inputs], seed=5)

    assert bench.mutates
    assert torch.equal(before, inputs)
    assert torch.equal(before.relu(), expected)


def test_a_reference_that_leaves_its_inputs_alone_is_called_on_them():
    assert not bench_of().mutates


def test_expected_outputs_follow_from_inputs_and_seed():
    bench = bench_of(REFERENCE.replace("torch.relu(", "nn.functional.dropout("))
    inputs = bench.stands[0].release(1)

    with torch.no_grad():
        one, same, other = (bench.expected(inputs, seed=seed) for seed in (1, 1, 2))

    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_poison_fills_all_of_the_outputs_buffer():
    bench = bench_of()

    bench.poison(0xFF)

    assert {255} == set(bench.outputs.bytes().tolist())


def test_a_desk_holds_arguments_parameters_and_every_stands_memory():
    bench = bench_of()
    more = Stand(bench.stands[0].slot, bench.stands[0].buffer, bench.stands[0].make)

    desk = bench.desk(more)
    host = attach_buffer(os.dup(desk.descriptors[0]), desk.setup.host_bytes, cuda=False, writable=False)

    assert [8] == rebuilt(desk.setup.arguments, host)
    state = {name: rebuilt(place, host) for name, place in desk.setup.state}
    assert torch.equal(bench.model.linear.weight, state["linear.weight"])
    assert 2 + 9 == len(desk.descriptors)
    assert 9 == len(desk.setup.slots)


def test_a_desk_tells_neither_seeds_nor_the_reference():
    bench = bench_of()
    bench.stands[0].release(918273645)

    assert "918273645" not in repr(bench.desk().setup)
    assert "relu" not in repr(bench.desk().setup)


@pytest.mark.parametrize("precision", list(Precision))
def test_inputs_and_outputs_have_the_precision_asked_for(precision):
    bench = bench_of(settings=EvaluationSettings(precision=precision, correctness_trials=1))

    dtypes = {bench.stands[0].slot.inputs.items[0].dtype, bench.stands[0].slot.outputs[0].place.dtype}

    assert {bench.desk().setup.dtype} == dtypes


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (object(), "output is a object"),
        ({"y": "text"}, r"output\['y'\] is a str"),
        (torch.eye(2).to_sparse(), "not a strided tensor"),
        ([torch.zeros(1)] * 17, "it returns 17 outputs; 16 can be compared"),
    ],
)
def test_outputs_that_nothing_can_be_compared_with_are_refused(output, words):
    with pytest.raises(TypeError, match=words):
        require_comparable(output)


def test_outputs_of_plain_kinds_can_be_compared():
    require_comparable((torch.zeros(1), [1, 2.0, True, None], {"a": torch.ones(2)}))


def test_constructing_twice_draws_the_same_parameters():
    one, other = bench_of(settings=QUICK), bench_of(settings=QUICK)

    assert torch.equal(one.state["linear.weight"], other.state["linear.weight"])


def test_a_model_is_given_as_long_for_launching_as_it_took_and_a_fifth_more():
    head_start = HeadStart()
    least_ms = head_start.ms

    given = []
    for launch_ms in (0.1, 2.0, 100.0, 0.0):
        head_start.learn(launch_ms)
        given.append(head_start.ms)

    assert [least_ms, pytest.approx(2.4), MOST_LAUNCHING_MS, least_ms] == given


def test_the_reference_is_timed_behind_what_launching_it_took_last(monkeypatch):
    leads = []
    monkeypatch.setattr(Cpu, "lead", lambda _, ms: leads.append(ms))
    monkeypatch.setattr(Cpu, "timed", launching(3.0))
    bench = bench_of()

    for _ in range(2):
        bench.timed(bench.model, bench.stands[0].release(1), seed=1)

    assert [HEAD_START_MS, pytest.approx(3.6)] == leads


def test_on_a_cpu_the_reference_is_timed_on_inputs_that_were_just_copied_into_cold_caches(monkeypatch):
    done = []
    monkeypatch.setattr(Cpu, "flush", lambda _: done.append("flush"))
    bench = bench_of()
    inputs = bench.stands[0].release(1)

    bench.timed(done.append, inputs, seed=1)

    first, given = done
    assert "flush" == first
    assert torch.equal(inputs[0], given)
    assert inputs[0].data_ptr() != given.data_ptr()


def launching(launch_ms):
    """What a device measures where every call takes so long to launch."""

    def timed(_, call, *, behind):
        behind()
        return TimedCall(1.0, launch_ms, call())

    return timed
