import math

import pytest
import torch
from contest_cases import told_of
from hypothesis import given
from hypothesis import strategies as st

from caesar.domain import Mismatch
from caesar.effects import Precision
from caesar.evaluators import compare, tensors
from caesar.evaluators.compare import is_finite, mismatch, relative_error
from caesar.evaluators.device import Cpu
from caesar.evaluators.tensors import leaves

TOLERANCE = 1e-4


def difference(expected, got):
    """How an honest candidate's output differs: what fits the reference's form is in the shared buffer."""
    shown = [leaf for _, leaf in leaves(got)]
    places = [_shared(leaf, shown[at : at + 1]) for at, (_, leaf) in enumerate(leaves(expected))]
    return mismatch(expected, told_of(got), places, tolerance=TOLERANCE, device=Cpu())


def _shared(leaf, shown):
    """A place of the shared buffer, poisoned unless the candidate's output fits it."""
    if not isinstance(leaf, torch.Tensor):
        return None
    fits = shown and type(shown[0]) in (torch.Tensor, torch.nn.Parameter) and shown[0].shape == leaf.shape
    if fits and shown[0].dtype == leaf.dtype and shown[0].layout is torch.strided and not shown[0].is_meta:
        return shown[0].detach()
    return torch.full(leaf.shape, 123).to(leaf.dtype)


def test_tolerances_are_those_of_kernelbench():
    assert {"fp32": 1e-4, "fp16": 1e-2, "bf16": 1e-2} == {p: p.tolerance for p in Precision}


def test_equal_tensors_do_not_differ():
    assert difference(torch.ones(3), torch.ones(3)) is None


def test_values_within_the_tolerance_do_not_differ():
    assert difference(torch.tensor([1000.0]), torch.tensor([1000.05])) is None


def test_values_beyond_the_tolerance_differ():
    expected = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    got = torch.tensor([[1.0, 2.5], [3.0, 8.0]])

    found = difference(expected, got)

    pattern = "dim 0: all of 2; dim 1: 1 of 2 (1)"
    assert Mismatch("values", "2", "2.5", (0, 1), 0.5, "4", pattern=pattern) == found


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=30), st.data())
def test_the_first_wrong_element_is_found_wherever_it_is(values, data):
    expected = torch.tensor(values)
    wrong = data.draw(st.integers(0, len(values) - 1))
    got = expected.clone()
    got[wrong:] += 10.0

    found = difference(expected, got)

    assert (wrong,) == found.index
    assert (len(values) - wrong) / len(values) == found.wrong_share


def test_a_difference_beyond_the_first_block_is_found_at_its_place(monkeypatch):
    monkeypatch.setattr(compare, "blocks", lambda shape: tensors.blocks(shape, 4))
    expected = torch.zeros(3, 2, 5)
    got = expected.clone()
    got[2, 1, 3] = 1.0

    found = difference(expected, got)

    assert (2, 1, 3) == found.index
    assert 1 / 30 == found.wrong_share


def test_comparing_never_takes_a_block_of_more_than_the_limit(monkeypatch):
    seen = []
    real = torch.isclose
    monkeypatch.setattr(compare, "blocks", lambda shape: tensors.blocks(shape, 8))
    monkeypatch.setattr(torch, "isclose", lambda a, b, **rest: seen.append(a.numel()) or real(a, b, **rest))

    difference(torch.zeros(10, 3), torch.ones(10, 3))

    assert max(seen) <= 8


def test_a_difference_in_a_number_without_dimensions_is_found():
    found = difference(torch.tensor(1.0), torch.tensor(2.0))

    assert Mismatch("values", "1", "2", index=(), wrong_share=1.0, max_abs_error="1") == found


def test_nan_equals_nothing_not_even_nan():
    found = difference(torch.tensor([math.nan]), torch.tensor([math.nan]))

    assert ("values", "nan", "nan", None, 1) == (
        found.kind,
        found.expected,
        found.got,
        found.max_abs_error,
        found.nonfinite,
    )


def test_nan_instead_of_a_number_differs_and_is_counted():
    found = difference(torch.ones(4), torch.tensor([1.0, math.nan, math.inf, 1.0]))

    assert (1,) == found.index
    assert 2 == found.nonfinite
    assert "inf" == found.max_abs_error


def test_where_only_nan_is_wrong_no_largest_error_is_said():
    found = difference(torch.ones(4), torch.tensor([1.0, math.nan, math.nan, 1.00001]))

    assert (None, 0.5, 2) == (found.max_abs_error, found.wrong_share, found.nonfinite)


def test_a_largest_error_is_said_where_a_number_is_wrong_beside_nan():
    found = difference(torch.ones(4), torch.tensor([1.0, math.nan, 3.0, 1.00001]))

    assert "2" == found.max_abs_error


def test_equal_infinities_do_not_differ():
    assert difference(torch.tensor([math.inf]), torch.tensor([math.inf])) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_infinity_instead_of_numbers_differs(dtype, value):
    expected = torch.tensor([0.0, 1.0, -3.0]).to(dtype)

    assert 3 == difference(expected, torch.full_like(expected, value)).nonfinite


@given(st.lists(st.tuples(st.floats(width=32), st.floats(width=32)), min_size=1, max_size=8))
def test_the_quick_comparison_finds_what_torch_s_own_finds(pairs):
    expected, got = (torch.tensor(side) for side in zip(*pairs, strict=True))

    close = torch.isclose(expected, got, rtol=TOLERANCE, atol=TOLERANCE).all()
    assert bool(close) == (difference(expected, got) is None)


def test_opposite_infinities_differ():
    assert difference(torch.tensor([math.inf]), torch.tensor([-math.inf])) is not None


def test_integers_have_to_be_equal_however_large_they_are():
    found = difference(torch.tensor([100_000]), torch.tensor([100_001]))

    assert ("100000", "100001", (0,)) == (found.expected, found.got, found.index)


def test_booleans_have_to_be_equal():
    found = difference(torch.tensor([True, False]), torch.tensor([True, True]))

    assert (1,) == found.index


def test_complex_values_are_compared():
    assert difference(torch.tensor([1 + 1j]), torch.tensor([1 + 1.00001j])) is None
    assert "values" == difference(torch.tensor([1 + 1j]), torch.tensor([1 - 1j])).kind


def test_another_shape_differs():
    found = difference(torch.ones(2, 3), torch.ones(3, 2))

    assert Mismatch("shape", "(2, 3)", "(3, 2)") == found


def test_another_dtype_differs():
    found = difference(torch.ones(2), torch.ones(2, dtype=torch.float64))

    assert Mismatch("dtype", "torch.float32", "torch.float64") == found


def test_another_device_differs():
    found = difference(torch.ones(2), torch.ones(2, device="meta"))

    assert Mismatch("device", "the leased device", "meta") == found


def test_another_layout_differs():
    found = difference(torch.eye(2), torch.eye(2).to_sparse())

    assert Mismatch("type", "Tensor", "torch.sparse_coo") == found


def test_a_subclass_that_could_compute_when_looked_at_differs():
    class Lazy(torch.Tensor):
        pass

    found = difference(torch.ones(2), torch.ones(2).as_subclass(Lazy))

    assert Mismatch("type", "Tensor", "Lazy") == found


def test_a_parameter_is_a_plain_tensor():
    assert difference(torch.ones(2), torch.nn.Parameter(torch.ones(2))) is None


def test_no_tensor_at_all_differs():
    assert Mismatch("type", "Tensor", "NoneType") == difference(torch.ones(2), None)


def test_several_outputs_are_compared_one_by_one():
    expected = (torch.ones(2), [torch.ones(1), {"last": torch.zeros(2)}])
    got = (torch.ones(2), [torch.ones(1), {"last": torch.tensor([0.0, 3.0])}])

    found = difference(expected, got)

    assert 2 == found.output
    assert (1,) == found.index


def test_a_list_may_stand_for_a_tuple():
    assert difference((torch.ones(2), torch.ones(1)), [torch.ones(2), torch.ones(1)]) is None


def test_fewer_outputs_differ():
    found = difference((torch.ones(2), torch.ones(2)), torch.ones(2))

    assert Mismatch("count", "2 outputs", "1 output") == found


def test_outputs_in_other_places_differ():
    found = difference({"a": torch.ones(2)}, {"b": torch.ones(2)})

    assert Mismatch("type", "outputs nested as [\"['a']\"]", "another nesting") == found


@pytest.mark.parametrize("pair", [(1, 1), (None, None), (1.0, 1.00001), (True, True)])
def test_outputs_that_are_no_tensors_are_compared_too(pair):
    assert difference(*pair) is None


@pytest.mark.parametrize(
    ("pair", "kind"), [((1, 2), "values"), ((1, True), "type"), ((1.0, math.nan), "values")]
)
def test_differing_outputs_that_are_no_tensors_are_found(pair, kind):
    assert kind == difference(*pair).kind


def test_texts_of_a_mismatch_are_short():
    found = difference([torch.ones(1)] * 15 + [{"a" * 999: 1}], [torch.ones(1)] * 16)

    assert 200 == len(found.expected)


@pytest.mark.parametrize(
    ("shape", "wrong", "pattern"),
    [
        ((8, 16), (slice(None), slice(3, 4)), "dim 0: all of 8; dim 1: 1 of 16 (3)"),
        ((8, 16), (slice(7, 8), slice(None)), "dim 0: 1 of 8 (7); dim 1: all of 16"),
        ((8, 16), (slice(None), slice(8, 16)), "dim 0: all of 8; dim 1: 8 of 16 (8 to 15)"),
        ((8, 16), (slice(None), slice(0, 16, 4)), "dim 0: all of 8; dim 1: 4 of 16 (0 to 12, every 4)"),
        ((10,), ([0, 1, 5],), "dim 0: 3 of 10 (0 to 5)"),
        ((2, 3, 4), (1, 2, 3), "dim 0: 1 of 2 (1); dim 1: 1 of 3 (2); dim 2: 1 of 4 (3)"),
    ],
)
def test_a_pattern_says_which_part_of_each_dimension_is_wrong(shape, wrong, pattern):
    expected = torch.zeros(shape)
    got = expected.clone()
    got[wrong] = 1.0

    assert pattern == difference(expected, got).pattern


@pytest.mark.parametrize("limit", [1, 3, 8, 100])
def test_a_pattern_does_not_depend_on_the_blocks_compared(monkeypatch, limit):
    monkeypatch.setattr(compare, "blocks", lambda shape: tensors.blocks(shape, limit))
    expected = torch.zeros(3, 4, 5)
    got = expected.clone()
    got[1:, ::2, 4] = 1.0

    wanted = "dim 0: 2 of 3 (1 to 2); dim 1: 2 of 4 (0 to 2, every 2); dim 2: 1 of 5 (4)"
    assert wanted == difference(expected, got).pattern


def test_an_output_that_was_never_copied_is_wrong():
    poisoned = [torch.full((3,), float("nan"))]

    found = mismatch(torch.ones(3), told_of(torch.ones(3)), poisoned, tolerance=TOLERANCE, device=Cpu())

    assert ("values", 3) == (found.kind, found.nonfinite)


def test_a_tensor_of_more_dimensions_than_can_be_told_is_of_another_type():
    assert Mismatch("type", "Tensor", "a tensor of 9 dimensions") == difference(
        torch.ones(1), torch.ones((1,) * 9)
    )


def test_a_reference_of_so_many_dimensions_can_be_met_and_missed():
    expected = torch.ones((1,) * 9)

    assert difference(expected, expected.clone()) is None
    assert "values" == difference(expected, expected + 1).kind


@given(st.integers(0, 1 << 60), st.integers(0, 1 << 60))
def test_whole_numbers_are_compared_as_exactly_as_a_double_can(one, other):
    assert (float(one) == float(other)) == (difference(one, other) is None)


def test_the_relative_error_is_that_of_the_whole_tensor():
    exact = torch.tensor([3.0, 4.0], dtype=torch.float64)

    assert pytest.approx(0.1) == relative_error(exact, torch.tensor([3.0, 4.5]))
    assert 0.0 == relative_error(exact, torch.tensor([3.0, 4.0]))


def test_the_relative_error_to_nothing_is_the_error_itself():
    assert pytest.approx(5.0) == relative_error(torch.zeros(2), torch.tensor([3.0, 4.0]))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_there_is_no_relative_error_where_a_value_is_not_finite(value):
    assert math.isnan(relative_error(torch.ones(2), torch.tensor([1.0, value])))
    assert math.isnan(relative_error(torch.tensor([1.0, value]), torch.ones(2)))


def test_finite_means_no_nan_and_no_infinity_in_any_tensor():
    assert is_finite((torch.ones(2), torch.tensor([1]), 3))
    assert not is_finite((torch.ones(2), torch.tensor([math.inf])))
    assert not is_finite([torch.tensor([math.nan])])


def test_empty_tensors_do_not_differ():
    assert difference(torch.ones(0, 3), torch.ones(0, 3)) is None
