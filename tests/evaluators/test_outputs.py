import math

import pytest
import torch

from caesar.evaluators.device import Cpu
from caesar.evaluators.outputs import described, skeleton
from caesar.evaluators.tensors import leaves
from caesar.evaluators.wire import Form, Leaf, Shown, decode, encode


class Lazy(torch.Tensor):
    """Would compute when it is looked at."""


@pytest.mark.parametrize(
    ("output", "leaf"),
    [
        (torch.zeros(2, 3), Leaf(Form.TENSOR, "float32", (2, 3))),
        (torch.nn.Parameter(torch.zeros(1)), Leaf(Form.TENSOR, "float32", (1,))),
        (torch.zeros(2, dtype=torch.bool), Leaf(Form.TENSOR, "bool", (2,))),
        (torch.zeros(2, device="meta"), Leaf(Form.ELSEWHERE, "meta", (2,))),
        (torch.eye(2).to_sparse(), Leaf(Form.LAYOUT, "torch.sparse_coo")),
        (torch.zeros(2).as_subclass(Lazy), Leaf(Form.OTHER, "Lazy")),
        (True, Leaf(Form.BOOL, "bool", value=1.0)),
        (3, Leaf(Form.INT, "int", value=3.0)),
        (0.5, Leaf(Form.FLOAT, "float", value=0.5)),
        (math.inf, Leaf(Form.FLOAT, "float", value=math.inf)),
        (None, Leaf(Form.NONE, "NoneType")),
        ("text", Leaf(Form.OTHER, "str")),
    ],
)
def test_an_output_is_described_by_what_it_is(output, leaf):
    assert leaf == described(output, device=Cpu())


def test_a_tensor_of_more_dimensions_than_fit_is_described_in_words_that_can_be_told():
    leaf = described(torch.zeros((1,) * 9), device=Cpu())

    assert Leaf(Form.OTHER, "a tensor of 9 dimensions") == leaf
    assert (leaf,) == decode(encode(Shown(1, 0, (leaf,), 1))).leaves


@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_too_large_for_a_float_is_described_as_infinite(sign):
    leaf = described(sign * 10**400, device=Cpu())

    assert (Form.INT, sign * math.inf) == (leaf.form, leaf.value)


def test_a_skeleton_follows_from_how_outputs_are_nested():
    one, same, other = ([1, (2, 3)], (4, [5, 6]), [1, 2, 3])

    assert skeleton(list(leaves(one))) == skeleton(list(leaves(same)))
    assert skeleton(list(leaves(one))) != skeleton(list(leaves(other)))
