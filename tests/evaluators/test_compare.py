import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from caesar.domain import Mismatch
from caesar.effects import Precision
from caesar.evaluators import compare, tensors
from caesar.evaluators.compare import is_finite, mismatch

TOLERANCE = 1e-4


def difference(expected, got):
    return mismatch(expected, got, tolerance=TOLERANCE)


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

    assert Mismatch("values", "2", "2.5", index=(0, 1), wrong_share=0.5, max_abs_error="4") == found


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

    assert ("values", "nan", "nan", "nan", 1) == (
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


def test_equal_infinities_do_not_differ():
    assert difference(torch.tensor([math.inf]), torch.tensor([math.inf])) is None


def test_opposite_infinities_differ():
    assert difference(torch.tensor([math.inf]), torch.tensor([-math.inf])) is not None


def test_integers_have_to_be_equal_however_large_they_are():
    found = difference(torch.tensor([100_000]), torch.tensor([100_001]))

    assert Mismatch("values", "100000", "100001", index=(0,), wrong_share=1.0, max_abs_error="1") == found


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

    assert Mismatch("device", "cpu", "meta") == found


def test_another_layout_differs():
    found = difference(torch.eye(2), torch.eye(2).to_sparse())

    assert Mismatch("type", "torch.strided", "torch.sparse_coo") == found


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

    assert Mismatch("type", "output['a']", "output['b']") == found


@pytest.mark.parametrize("pair", [(1, 1), ("a", "a"), (None, None), (1.0, 1.00001), (True, True)])
def test_outputs_that_are_no_tensors_are_compared_too(pair):
    assert difference(*pair) is None


@pytest.mark.parametrize(
    ("pair", "kind"), [((1, 2), "values"), ((1, True), "type"), ((1.0, math.nan), "values")]
)
def test_differing_outputs_that_are_no_tensors_are_found(pair, kind):
    assert kind == difference(*pair).kind


def test_texts_of_a_mismatch_are_short():
    found = difference("a" * 10_000, "b" * 10_000)

    assert 200 == len(found.got)


def test_finite_means_no_nan_and_no_infinity_in_any_tensor():
    assert is_finite((torch.ones(2), torch.tensor([1]), 3))
    assert not is_finite((torch.ones(2), torch.tensor([math.inf])))
    assert not is_finite([torch.tensor([math.nan])])


def test_empty_tensors_do_not_differ():
    assert difference(torch.ones(0, 3), torch.ones(0, 3)) is None
