import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from caesar.evaluators.structure import Structure, structures_of

ANY = Structure()
VALUES = Structure(values=True)


def random(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("tensor", "structure"),
    [
        (random(8, 8), ANY),
        (random(8, 8) - 0.5, ANY),
        (random(1), ANY),
        (random(5, 1), ANY),
        ((random(8, 8) < 0.7).float(), VALUES),
        (2.0 * (random(16) < 0.5).float() - 1.0, VALUES),
        (torch.arange(9.0), VALUES),
        (torch.arange(9), VALUES),
        (random(8, 8) < 0.5, VALUES),
        (torch.zeros(3, 0), VALUES),
        (torch.full((3,), -torch.inf), VALUES),
        (torch.cat([random(3), torch.tensor([torch.inf])]), VALUES),
        (random(8, 8).softmax(-1), VALUES),
        (random(2, 8, 4).softmax(1), VALUES),
        (random(8, 8).half().softmax(-1), VALUES),
        (random(8).softmax(0), VALUES),
        (random(8, 8).tril(), Structure(zeros=True)),
        (torch.nn.functional.relu(random(8, 8) - 0.5), Structure(zeros=True)),
        (random(8, 8) + random(8, 8).mT, Structure(symmetric=True)),
        (random(3, 8, 8) + random(3, 8, 8).mT, Structure(symmetric=True)),
        (torch.diag(random(8) + 0.1), Structure(zeros=True, symmetric=True)),
    ],
)
def test_the_structure_of_values_is_seen(tensor, structure):
    assert structure == Structure.of(tensor)


@pytest.mark.parametrize(
    "tensor",
    [random(8, 8).triu(), random(8, 8) + random(8, 8).mT, torch.diag(random(8) + 0.1), random(8, 8), random(9)],
)
@given(st.sampled_from([torch.randn_like, lambda tensor: torch.randn_like(tensor) * 32]))
def test_other_values_have_the_structure_and_are_others(tensor, change):
    structure = Structure.of(tensor)

    made = structure.changed(tensor, change)

    assert not torch.equal(tensor, made)
    assert (made.shape, made.dtype) == (tensor.shape, tensor.dtype)
    assert not made[tensor == 0].any()
    assert structure == Structure.of(made)


def test_values_that_mean_something_stay():
    mask = (random(8, 8) < 0.7).float()

    assert mask is Structure.of(mask).changed(mask, torch.randn_like)


def test_tensors_are_taken_in_their_order_wherever_they_are():
    inputs = [random(2), 5, {"a": torch.arange(3), "b": [random(4, 4).tril()]}]

    assert (ANY, VALUES, Structure(zeros=True)) == structures_of(inputs)
