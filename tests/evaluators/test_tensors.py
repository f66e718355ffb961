import itertools
import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from caesar.evaluators.tensors import blocks, cloned, leaves, mapped, same_bits

shapes = st.lists(st.integers(0, 5), max_size=4).map(tuple)


@given(shapes, st.integers(1, 20))
def test_blocks_cover_every_element_once_and_in_order(shape, limit):
    numbers = torch.arange(math.prod(shape)).reshape(shape)

    seen = [numbers[index].reshape(-1).tolist() for index, _ in blocks(shape, limit)]

    assert list(range(math.prod(shape))) == list(itertools.chain.from_iterable(seen))


@given(shapes, st.integers(1, 20))
def test_a_block_holds_no_more_than_the_limit(shape, limit):
    numbers = torch.zeros(shape)

    assert all(numbers[index].numel() <= limit for index, _ in blocks(shape, limit))


@given(st.lists(st.integers(1, 5), max_size=4).map(tuple), st.integers(1, 20))
def test_a_block_names_the_position_of_its_first_element(shape, limit):
    numbers = torch.arange(math.prod(shape)).reshape(shape)

    assert all(numbers[index].reshape(-1)[0] == numbers[first] for index, first in blocks(shape, limit))


def test_changing_tensors_rebuilds_containers_and_keeps_everything_else():
    value = [torch.ones(2), (torch.zeros(1), {"a": torch.ones(1)}), 3, None]

    changed = mapped(value, lambda tensor: tensor + 1)

    assert [2.0, 2.0] == changed[0].tolist()
    assert [1.0] == changed[1][0].tolist()
    assert [2.0] == changed[1][1]["a"].tolist()
    assert [3, None] == changed[2:]


def test_a_clone_shares_no_memory_with_the_original():
    original = [torch.ones(2), [torch.ones(2)]]

    copy = cloned(original)
    copy[0].zero_()
    copy[1][0].zero_()

    assert [1.0, 1.0] == original[0].tolist()
    assert [1.0, 1.0] == original[1][0].tolist()


def test_equal_mappings_have_the_same_leaves_in_the_same_order():
    value, same = {"b": 1, "a": [2, 3]}, {"a": [2, 3], "b": 1}

    assert [("['a'][0]", 2), ("['a'][1]", 3), ("['b']", 1)] == list(leaves(value)) == list(leaves(same))


def test_tensors_are_changed_in_the_order_of_the_leaves_and_keys_stay_where_they_are():
    value = {"b": torch.ones(1), "a": torch.zeros(1)}
    numbers = itertools.count()

    changed = mapped(value, lambda _: next(numbers))

    assert [("b", 1), ("a", 0)] == list(changed.items())


def test_leaves_come_with_the_path_that_leads_to_them():
    value = (1, [2, {"a": 3}])

    assert [("[0]", 1), ("[1][0]", 2), ("[1][1]['a']", 3)] == list(leaves(value))


def test_a_value_alone_is_its_own_leaf():
    assert [("", None)] == list(leaves(None))


def test_tensors_of_equal_bytes_are_the_same_even_with_nan():
    left = torch.tensor([1.0, math.nan, math.inf])

    assert same_bits(left, left.clone())


def test_tensors_that_differ_in_one_bit_are_not_the_same():
    assert not same_bits(torch.tensor([0.0, 1.0]), torch.tensor([-0.0, 1.0]))


def test_a_transposed_tensor_is_the_same_as_its_copy():
    left = torch.arange(6).reshape(2, 3).T

    assert same_bits(left, left.contiguous())


def test_an_expanded_tensor_is_the_same_as_its_copy():
    left = torch.rand(1).expand(5)

    assert same_bits(left, left.contiguous())
