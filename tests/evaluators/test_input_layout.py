import itertools
import math
from typing import NamedTuple

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from caesar.evaluators.buffers import HostBuffer
from caesar.evaluators.layout import Plan, Planner, filled, rebuilt
from caesar.evaluators.tensors import leaves, same_bits

DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool, torch.uint8, torch.complex64]


class Pair(NamedTuple):
    left: int
    right: int


@st.composite
def tensors(draw):
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    tensor = torch.randint(0, 100, shape).to(draw(st.sampled_from(DTYPES)))
    if draw(st.booleans()):
        tensor = tensor.permute(draw(st.permutations(range(len(shape)))))
    if len(shape) > 1 and draw(st.booleans()):
        tensor = tensor[:, ::2]
    if draw(st.booleans()):
        tensor = tensor.unsqueeze(0).expand(2, *tensor.shape)
    return tensor


plain = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats() | st.text(max_size=5)
values = st.recursive(
    plain | tensors() | st.sampled_from(DTYPES),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def planned(value):
    planner = Planner()
    plan = planner.plan(value)
    return plan, HostBuffer.create(planner.nbytes, sealed=False)


def alike(one, other):
    """Whether two leaves are the same in type and value, NaN included."""
    if isinstance(one, torch.Tensor):
        return one.shape == other.shape and one.dtype == other.dtype and same_bits(one, other)
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


def shell(value):
    """The containers of a value, without what is in them."""
    match value:
        case list() | tuple():
            return type(value), [shell(item) for item in value]
        case dict():
            return dict, {key: shell(item) for key, item in value.items()}
    return None


@given(values)
def test_a_value_is_rebuilt_as_it_was(value):
    plan, buffer = planned(value)

    filled(plan, buffer, value)
    again = rebuilt(plan, buffer)

    assert shell(value) == shell(again)
    assert all(alike(one, other) for (_, one), (_, other) in zip(leaves(value), leaves(again), strict=True))


@given(values)
def test_a_plan_travels_as_json(value):
    plan, _ = planned(value)

    assert plan == msgspec.json.decode(msgspec.json.encode(plan), type=Plan)


@given(st.lists(tensors(), max_size=6))
def test_places_are_aligned_and_never_overlap(value):
    planner = Planner()
    places = planner.plan(value).items

    assert all(place.offset % 256 == 0 for place in places)
    assert all(one.offset + one.nbytes <= other.offset for one, other in itertools.pairwise(places))
    assert all(place.offset + place.nbytes <= planner.nbytes for place in places)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(2, 3).t(),
        torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last),
        torch.zeros(2, 3, 4).permute(2, 0, 1),
    ],
)
def test_the_strides_of_a_tensor_that_fills_its_memory_are_kept(tensor):
    plan, buffer = planned(tensor)

    assert tensor.stride() == rebuilt(plan, buffer).stride()


@pytest.mark.parametrize(
    "tensor", [torch.zeros(4, 6)[:, ::2], torch.zeros(1).expand(5), torch.zeros(3, 8)[:, 1:], torch.zeros(())]
)
def test_a_tensor_with_gaps_or_repeats_becomes_contiguous(tensor):
    plan, buffer = planned(tensor)

    assert rebuilt(plan, buffer).is_contiguous()


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        {3: torch.zeros(1)},
        Pair(1, 2),
        1j,
        torch.nn.ReLU(),
        torch.eye(2).to_sparse(),
        torch.zeros(2, dtype=torch.complex64).conj(),
        b"bytes",
    ],
)
def test_what_is_no_plain_data_can_not_be_handed_over(value):
    with pytest.raises(TypeError, match="handed to a candidate"):
        Planner().plan([value])


def test_a_size_is_handed_over_as_a_tuple():
    plan, buffer = planned(torch.Size((2, 3)))

    assert (2, 3) == rebuilt(plan, buffer)


def test_filling_again_replaces_the_values_where_they_are():
    plan, buffer = planned([torch.zeros(3), 5])

    first = filled(plan, buffer, [torch.ones(3), 5])
    filled(plan, buffer, [torch.full((3,), 2.0), 5])

    assert [2.0, 2.0, 2.0] == first[0].tolist()
