import random

import numpy as np
import pytest
import torch
from evaluation_cases import REFERENCE

from caesar.effects import Precision
from caesar.evaluators.device import Cpu
from caesar.evaluators.reference import (
    call,
    construct,
    copy_state,
    draft,
    load_reference,
    place,
    secret_seed,
    set_seed,
    state_of,
)


def loaded(source=REFERENCE, *, precision=Precision.FP32):
    return load_reference(source, device=Cpu(), precision=precision)


def draws(seed):
    set_seed(seed)
    return torch.rand(1).item(), random.random(), np.random.rand()  # noqa: NPY002 - the generator references use


def test_a_seed_determines_everything_that_is_drawn_after_it():
    assert draws(7) == draws(7)


def test_seeds_of_any_size_are_taken():
    assert draws((1 << 63) - 1) != draws(3)


def test_secret_seeds_differ():
    assert 100 == len({secret_seed() for _ in range(100)})


def test_inputs_follow_from_the_seed():
    reference = loaded()

    one, same, other = (reference.inputs(seed)[0] for seed in (1, 1, 2))

    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("precision", "dtype"), [(Precision.FP32, torch.float32), (Precision.BF16, torch.bfloat16)]
)
def test_floating_point_inputs_take_the_precision_and_others_keep_their_type(precision, dtype):
    source = REFERENCE.replace(
        "[torch.rand(4, 8) - 0.5]",
        "[torch.rand(2).double(), torch.tensor([7]), torch.tensor([True]), 3, [torch.rand(1)]]",
    )

    real, integer, boolean, number, nested = loaded(source, precision=precision).inputs(0)

    assert dtype == real.dtype
    assert torch.int64 == integer.dtype
    assert torch.bool == boolean.dtype
    assert 3 == number
    assert dtype == nested[0].dtype


def test_models_of_one_class_are_constructed_alike():
    reference = loaded()

    one, other = (construct(reference.module.Model, reference.init_inputs()) for _ in range(2))

    assert torch.equal(one.linear.weight, other.linear.weight)


def test_state_of_the_same_names_and_shapes_is_copied():
    ours, theirs = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)

    copied = torch.no_grad()(copy_state)(state_of(ours), theirs)

    assert copied
    assert torch.equal(ours.weight, theirs.weight)


def test_state_that_only_partly_fits_is_copied_as_far_as_it_does():
    ours, theirs = torch.nn.Linear(2, 2), torch.nn.Linear(3, 2)

    copied = torch.no_grad()(copy_state)(state_of(ours), theirs)

    assert not copied
    assert torch.equal(ours.bias, theirs.bias)


def test_a_reference_without_state_counts_as_copied():
    assert copy_state(state_of(torch.nn.ReLU()), torch.nn.Linear(2, 2))


def test_state_is_not_copied_into_what_is_no_module():
    assert not copy_state(state_of(torch.nn.Linear(2, 2)), lambda x: x)


def test_the_state_of_a_model_does_not_change_with_it():
    model = torch.nn.BatchNorm1d(2)

    state = state_of(model)
    model(torch.rand(4, 2))

    assert [0.0, 0.0] == state["running_mean"].tolist()


def test_state_that_a_model_leaves_behind_is_not_copied():
    model = torch.nn.Linear(2, 2)

    state = state_of(model, moves_to=torch.device("meta"))
    kept = state["weight"].clone()
    moved = model.to("meta")

    assert "meta" == moved.weight.device.type
    assert torch.equal(kept, state["weight"])
    assert state_of(torch.nn.Linear(2, 2), moves_to=torch.device("cpu"))


def test_a_placed_model_has_the_precision_and_stays_in_train_mode():
    model = place(torch.nn.Linear(2, 2), device=Cpu(), precision=Precision.FP16)

    assert torch.float16 == model.weight.dtype
    assert model.training


def test_what_is_no_module_is_placed_as_it_is():
    assert place(abs, device=Cpu(), precision=Precision.FP16) is abs


def test_calls_with_one_seed_drop_the_same_values_out():
    model, ones = torch.nn.Dropout(0.5), [torch.ones(100)]

    one, other = (call(model, ones, seed=5, device=Cpu()) for _ in range(2))

    assert torch.equal(one, other)


def test_the_reference_is_executed_in_a_namespace_of_its_own():
    first, second = loaded(), loaded()

    assert first.module.__dict__ is not second.module.__dict__


def test_a_draft_is_what_the_reference_would_be():
    drafted = draft(REFERENCE)

    reference = load_reference(REFERENCE, device=Cpu(), precision=Precision.FP32, drafted=drafted)

    assert reference.module is drafted.module
    assert reference.model() is drafted.model
    expected, found = (state_of(one.model()) for one in (loaded(), reference))
    assert found
    assert all(torch.equal(expected[name], value) for name, value in found.items())


def test_a_model_that_takes_tensors_is_not_drafted():
    taking = REFERENCE.replace("return [8]", "return [torch.tensor(8)]")

    drafted = draft(taking)
    reference = load_reference(taking, device=Cpu(), precision=Precision.FP32, drafted=drafted)

    assert drafted.model is None
    assert state_of(reference.model())


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("1 / 0", ZeroDivisionError),
        (REFERENCE.replace("return [8]", "raise KeyError"), KeyError),
        (REFERENCE.replace("class Model(", "class Other("), AttributeError),
    ],
)
def test_drafting_raises_what_the_source_raises(source, error):
    with pytest.raises(error):
        draft(source)
