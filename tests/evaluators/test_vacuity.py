"""What would pass a problem without computing anything."""

from contextlib import nullcontext

import pytest
import torch

from caesar.effects import Precision
from caesar.evaluators.device import open_device
from caesar.evaluators.reference import load_reference
from caesar.evaluators.vacuity import VACUOUS, FlawKind, flaws_of, sample_of, samples_agree

SEEDS = (11, 12, 13)

PROBLEM = """
import torch
from torch import nn

class Model(nn.Module):
    def forward(self, x, *rest):
        return {output}

def get_inputs():
    return {inputs}

def get_init_inputs():
    return []
"""


def flaws(output, *, inputs="[torch.randn(32, 8)]", tolerance=1e-4, seeds=SEEDS):
    source = PROBLEM.format(output=output, inputs=inputs)
    reference = load_reference(source, device=open_device(cuda=False), precision=Precision.FP32)
    return flaws_of(reference, tolerance=tolerance, seeds=seeds)


def kinds(output, **options):
    return {flaw.kind for flaw in flaws(output, **options)}


@pytest.mark.parametrize(
    "output", ["torch.relu(x)", "x @ x.t()", "torch.softmax(x, 1)", "(x > 0).long()", "x.max(dim=1)"]
)
def test_an_ordinary_problem_has_no_flaw(output):
    assert set() == kinds(output)


def test_an_output_below_the_tolerance_is_passed_by_zeros():
    found = kinds("x * 1e-6")

    assert {FlawKind.ZEROS, FlawKind.CONSTANT, FlawKind.OTHER_SEED} == found


def test_zeros_and_the_constant_say_which_numbers_they_are():
    details = {flaw.kind: flaw.detail for flaw in flaws("x * 0 + 0.25")}

    assert "one number passes for every element: 0.25" == details[FlawKind.CONSTANT]


def test_a_tolerance_of_half_precision_lets_more_through():
    assert FlawKind.ZEROS not in kinds("torch.softmax(x, 1) / 20")
    assert FlawKind.ZEROS in kinds("torch.softmax(x, 1) / 200", tolerance=1e-2)


def test_the_relative_part_of_the_tolerance_counts_too():
    assert FlawKind.CONSTANT in kinds("1e6 + x")


def test_a_problem_that_leaves_its_input_alone_is_passed_by_it():
    (flaw,) = flaws("torch.relu(rest[0])", inputs="[torch.randn(4, 4), torch.rand(4, 4)]")

    assert (FlawKind.INPUT, "an input passes as the output: number 1, from 0") == (flaw.kind, flaw.detail)


def test_an_input_of_another_type_does_not_pass():
    assert FlawKind.INPUT not in kinds("x.double()")


def test_an_output_that_does_not_depend_on_the_inputs_values_is_told():
    assert {FlawKind.OTHER_SEED} == kinds("torch.arange(x.shape[0]) / 7.0")


def test_an_output_that_differs_in_one_element_depends_on_the_inputs():
    assert FlawKind.OTHER_SEED not in kinds("torch.cat([torch.arange(9.0) / 7, x[0, :1]])")


def test_dropout_that_draws_from_the_seed_is_repeatable():
    assert FlawKind.UNREPEATABLE not in kinds("nn.functional.dropout(x, 0.5)")


def test_a_reference_that_draws_from_the_system_is_not_repeatable():
    assert FlawKind.UNREPEATABLE in kinds(
        "x + torch.frombuffer(bytearray(__import__('os').urandom(8)), dtype=torch.uint8)"
    )


def test_nan_and_infinities_are_counted():
    found = {flaw.kind: flaw.detail for flaw in flaws("torch.where(x == x[0, 0], torch.inf, x)")}

    assert f"{len(SEEDS)} elements are NaN or infinite" == found[FlawKind.NONFINITE]


def test_whole_numbers_in_a_floating_point_output_are_told():
    assert {FlawKind.INTEGERS} == kinds("torch.round(x * 10)")


def test_several_outputs_are_vacuous_only_together():
    assert set() == kinds("(x * 0, x)") - {FlawKind.INTEGERS}
    assert FlawKind.ZEROS in kinds("(x * 0, x[0] * 0)")


def test_integer_outputs_have_to_be_equal():
    assert FlawKind.CONSTANT not in kinds("(x > 3.5).long() + torch.arange(8)")
    assert FlawKind.CONSTANT in kinds("torch.full((3,), 7)")


def test_an_output_without_tensors_has_no_flaw_to_tell():
    assert () == flaws("1.5")


def test_a_problem_that_changes_its_inputs_is_still_compared_with_what_they_were():
    assert FlawKind.INPUT not in kinds("x.add_(1.0)")


def test_only_what_passes_without_computing_is_vacuous():
    vacuous = {flaw.kind for flaw in flaws("x * 0") if flaw.vacuous}

    assert vacuous <= VACUOUS
    assert FlawKind.ZEROS in vacuous


def test_large_outputs_are_looked_at_in_blocks(monkeypatch):
    from caesar.evaluators import tensors, vacuity

    monkeypatch.setattr(vacuity, "blocks", lambda shape: tensors.blocks(shape, 16))

    assert set() == kinds("torch.relu(x)")
    assert {FlawKind.INTEGERS} == kinds("torch.round(x * 10)")


def test_one_seed_is_too_few():
    with pytest.raises(ValueError, match="2 seeds at least"):
        flaws("x", seeds=(1,))


def test_the_random_state_of_torch_is_the_callers_business():
    torch.manual_seed(3)

    first = flaws("torch.relu(x)")

    torch.manual_seed(4)
    assert first == flaws("torch.relu(x)")


@pytest.mark.parametrize(
    "output",
    [
        torch.randn(300, 1000),
        torch.randn(1000, 300).mT,
        torch.randn(7),
        torch.randn(()),
        torch.zeros(0, 4),
        torch.randn(1, 1).expand(600, 600),
    ],
)
def test_a_sample_is_small_agrees_with_itself_and_with_no_other(output):
    sample, other = sample_of([output, {"count": 3}]), sample_of([output + 1, {"count": 3}])

    assert sum(part.numel() for part in sample) <= 1 << 16
    assert samples_agree(sample, sample_of([output.clone()]), tolerance=1e-4)
    assert output.numel() == 0 or not samples_agree(sample, other, tolerance=1e-4)


def test_samples_of_other_shapes_and_of_nothing_do_not_agree():
    assert not samples_agree(sample_of(torch.ones(3)), sample_of(torch.ones(4)), tolerance=1e-4)
    assert not samples_agree((), (), tolerance=1e-4)


def test_a_sample_is_spread_over_all_of_an_output():
    output = torch.zeros(1024, 1024)
    output[-4:] = 1.0

    (part,) = sample_of(output)

    assert part.any()
    assert part.data_ptr() != output.data_ptr()


@pytest.mark.parametrize(("free_mb", "fits"), [(1, False), (10, False), (1000, True)])
def test_a_problem_that_the_machine_has_no_room_for_is_refused_before_anything_is_killed(
    monkeypatch, free_mb, fits
):
    monkeypatch.setattr("caesar.evaluators.room.available_bytes", lambda: free_mb * 10**6)
    monkeypatch.setattr("caesar.evaluators.room._PATIENCE_S", 0.0)

    with nullcontext() if fits else pytest.raises(MemoryError, match="judging takes at least"):
        assert () == flaws("x.repeat(1, 3)", inputs="[torch.randn(1024, 1024)]")


@pytest.mark.parametrize(
    ("output", "part"),
    [
        ("torch.relu(x[:, :1])", "the second half of dimension 1 of input 0"),
        ("torch.tanh(x).cumsum(1)[:, :3]", "the second half of dimension 1 of input 0"),
        (
            "2 * x + 1e-9 * rest[0]",
            "the first half of dimension 0 of input 1, the second half of dimension 0 of input 1,",
        ),
    ],
)
def test_a_part_of_an_input_that_does_not_matter_is_named(output, part):
    found = {flaw.kind: flaw for flaw in flaws(output, inputs="[torch.randn(32, 8), torch.randn(32, 8)]")}

    assert {FlawKind.INERT} == found.keys()
    assert part in found[FlawKind.INERT].detail
    assert not found[FlawKind.INERT].vacuous


def test_where_a_call_takes_long_parts_of_inputs_are_not_tried(monkeypatch):
    monkeypatch.setattr("caesar.evaluators.vacuity._MOST_CALL_S", 0.0)

    assert () == flaws("torch.relu(x[:, :1])")


def test_where_memory_has_no_room_parts_of_inputs_are_not_tried(monkeypatch):
    monkeypatch.setattr("caesar.evaluators.vacuity.available_bytes", lambda: 4096)

    assert () == flaws("torch.relu(x[:, :1])", inputs="[torch.randn(1024, 8)]")
