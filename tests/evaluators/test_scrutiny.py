import math

import pytest
import torch
from contest_cases import bench_of
from evaluation_cases import REFERENCE
from hypothesis import given
from hypothesis import strategies as st

from caesar.effects import EvaluationSettings, Precision
from caesar.evaluators.scrutiny import KINDS, Scrutiny, exact_of, inputs_of, sliced_stand

PRODUCT = """
import torch

class Model(torch.nn.Module):
    def forward(self, a, b):
        return a @ b

def get_inputs():
    return [torch.rand(32, 256), torch.rand(256, 16)]

def get_init_inputs():
    return []
"""


def rounded(tensor, bits):
    """The tensor with so many bits of its mantissa left, as tensor cores round fp32 to TF32."""
    dropped = 23 - bits
    whole = tensor.view(torch.int32) + (1 << (dropped - 1))
    return (whole & ~((1 << dropped) - 1)).view(torch.float32)


def naive(a, b):
    """A sum of products one after another, in fp32."""
    total = torch.zeros(a.shape[0], b.shape[1])
    for step in range(a.shape[1]):
        total = total + a[:, step : step + 1] * b[step : step + 1]
    return total


def split(a, b):
    """Sums of 16 products each, added up at the end."""
    parts = [a[:, step : step + 16] @ b[step : step + 16] for step in range(0, a.shape[1], 16)]
    return torch.stack(parts).sum(0)


def seen(candidate, kind, *, reference=PRODUCT, settings=None):
    """How a candidate's one output compares on one kind of inputs; None where those are left out."""
    return looked(lambda *inputs: (candidate(*inputs),), kind, reference=reference, settings=settings)


def looked(candidate, kind, *, reference, settings=None):
    """How a candidate's outputs compare on one kind of inputs; None where those are left out."""
    bench = bench_of(reference, settings=settings or EvaluationSettings())
    with torch.no_grad():
        inputs = inputs_of(bench, kind)(7)
        expected = bench.expected(inputs, seed=7)
        exact = exact_of(bench, inputs, expected, seed=7)
        return exact and exact.compared(kind, candidate(*inputs))


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("candidate", [torch.matmul, naive, split])
def test_fp32_sums_in_any_order_are_neither_wrong_nor_imprecise(kind, candidate):
    scrutiny = seen(candidate, kind)

    assert (False, False) == (scrutiny.is_wrong(), scrutiny.is_imprecise(Precision.FP32))


@pytest.mark.parametrize("kind", ["signed", "large", "small"])
def test_rounding_to_tf32_is_imprecise_but_not_wrong(kind):
    scrutiny = seen(lambda a, b: rounded(a, 10) @ rounded(b, 10), kind)

    assert (False, True) == (scrutiny.is_wrong(), scrutiny.is_imprecise(Precision.FP32))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_computing_in_half_precision_is_imprecise(dtype):
    scrutiny = seen(lambda a, b: (a.to(dtype) @ b.to(dtype)).float(), "signed")

    assert scrutiny.is_imprecise(Precision.FP32)


def test_half_precision_that_was_asked_for_is_precise_enough():
    settings = EvaluationSettings(precision=Precision.BF16)

    scrutiny = seen(torch.matmul, "signed", settings=settings)

    assert not scrutiny.is_imprecise(Precision.BF16)


@pytest.mark.parametrize(
    "candidate",
    [
        lambda a, b: a.abs() @ b,
        lambda a, b: a @ b.clamp(min=0),
        lambda a, b: a[:, :-1] @ b[:-1],
        lambda a, b: torch.zeros(a.shape[0], b.shape[1]),
        lambda a, b: (a @ b) * float("nan"),
    ],
)
def test_a_dropped_sign_or_term_is_wrong(candidate):
    assert seen(candidate, "signed").is_wrong()


def test_a_dropped_sign_does_not_show_on_the_problems_own_positive_inputs():
    assert not seen(lambda a, b: a.abs() @ b, "own").is_wrong()


@pytest.mark.parametrize(
    ("operation", "kind"),
    [("a.log() @ b", "signed"), ("a.sqrt() @ b", "large"), ("a.reciprocal() @ b", "binary")],
)
def test_inputs_on_which_the_operation_is_not_defined_are_left_out(operation, kind):
    reference = PRODUCT.replace("a @ b", operation)

    assert seen(torch.matmul, kind, reference=reference) is None


ARGMAX = PRODUCT.replace("a @ b", "a.argmax(dim=1), b > 0.5")
SPECTRUM = PRODUCT.replace("a @ b", "torch.fft.fft(a @ b)")


def last_of_the_largest(a, b):
    flipped = a.flip(1).argmax(dim=1)
    return a.shape[1] - 1 - flipped, b > 0.5


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("candidate", [lambda a, b: (a.argmax(dim=1), b > 0.5), last_of_the_largest])
def test_whichever_of_equal_elements_is_the_largest_is_no_error(kind, candidate):
    assert not looked(candidate, kind, reference=ARGMAX).is_wrong()


@pytest.mark.parametrize(
    "candidate",
    [
        lambda a, b: ((a * a).argmax(dim=1), b > 0.5),
        lambda a, b: (torch.where((a < 0).any(), torch.zeros(32).long(), a.argmax(dim=1)), b > 0.5),
        lambda a, b: (a.argmax(dim=1), b * b > 0.25),
    ],
)
def test_a_wrong_index_or_truth_value_on_other_inputs_is_wrong(candidate):
    assert not looked(candidate, "own", reference=ARGMAX).is_wrong()

    found = looked(candidate, "signed", reference=ARGMAX)

    assert (True, True, 1e9) == (found.wrong > 0, found.is_wrong(), found.ratio)


def test_whole_numbers_that_hang_on_rounding_are_nobodys_error():
    reference = PRODUCT.replace("a @ b", "(a @ b * 1e5).to(torch.int64) % 2")

    scrutiny = looked(lambda a, b: ((naive(a, b) * 1e5).to(torch.int64) % 2,), "signed", reference=reference)

    assert not scrutiny.is_wrong()


def test_complex_outputs_are_looked_at_too():
    def spectrum(a, b):
        return (torch.fft.fft(a @ b),)

    assert not looked(spectrum, "signed", reference=SPECTRUM).is_wrong()
    assert looked(lambda a, b: (spectrum(a, b)[0].conj(),), "signed", reference=SPECTRUM).is_wrong()
    assert looked(lambda a, b: spectrum(a, b.abs()), "signed", reference=SPECTRUM).is_wrong()


def test_an_operation_that_is_unstable_itself_is_left_out():
    reference = PRODUCT.replace("a @ b", "(a @ b * 1e6).sin()")

    assert seen(torch.matmul, "large", reference=reference) is None


def test_an_operation_that_float64_does_not_know_is_left_out():
    reference = PRODUCT.replace("a @ b", "a @ b.to(torch.float32)")

    assert seen(torch.matmul, "signed", reference=reference) is None


def test_kinds_keep_the_form_of_the_inputs_and_leave_integers_alone():
    reference = REFERENCE.replace(
        "[torch.rand(4, 8) - 0.5]", "[torch.rand(4, 8), torch.tensor([3, 1]), 5]"
    ).replace("forward(self, x)", "forward(self, x, at, size)")
    bench = bench_of(reference)

    for kind in KINDS:
        real, integers, number = inputs_of(bench, kind)(3)
        assert ((4, 8), torch.float32) == (tuple(real.shape), real.dtype)
        assert ([3, 1], 5) == (integers.tolist(), number)


@pytest.mark.parametrize(("inputs", "made"), [("torch.rand(4, 8)", 0), ("torch.rand(4, 8).triu()", 1)])
def test_the_problems_own_inputs_are_made_only_where_some_of_their_values_are_kept(inputs, made):
    bench = bench_of(REFERENCE.replace("torch.rand(4, 8) - 0.5", inputs))
    usual, calls = bench.reference.module.get_inputs, []
    bench.reference.module.get_inputs = lambda: calls.append("made") or usual()

    for kind in KINDS:
        inputs_of(bench, kind)(3)

    assert 1 + made * (len(KINDS) - 1) == len(calls)


@pytest.mark.parametrize("kind", list(KINDS))
def test_inputs_of_a_kind_follow_from_the_seed(kind):
    make = inputs_of(bench_of(), kind)

    assert torch.equal(make(1)[0], make(1)[0])
    assert not torch.equal(make(1)[0], make(2)[0])


def test_the_worst_output_counts():
    bench = bench_of(PRODUCT.replace("a @ b", "(a @ b, a @ b)"))
    with torch.no_grad():
        inputs = inputs_of(bench, "signed")(7)
        expected = bench.expected(inputs, seed=7)
        exact = exact_of(bench, inputs, expected, seed=7)

    assert exact.compared("signed", (expected[0], -expected[1])).is_wrong()
    assert not exact.compared("signed", expected).is_wrong()


@given(st.floats(0, allow_infinity=False) | st.just(math.nan), st.floats(0, 1.0))
def test_a_ratio_can_always_be_written_down(error, own_error):
    assert 0 <= Scrutiny("own", error, own_error).ratio <= 1e9


@given(st.floats(0, 1.0))
def test_what_is_no_further_off_than_the_reference_is_never_blamed(error):
    scrutiny = Scrutiny("own", error, error)

    assert (False, False) == (scrutiny.is_wrong(), scrutiny.is_imprecise(Precision.FP32))


def test_a_sliced_stand_has_fewer_rows_and_outputs_that_fit():
    bench = bench_of()

    stand = torch.no_grad()(sliced_stand)(bench)

    assert [(3, 8)] == [tuple(tensor.shape) for tensor in stand.release(1)]
    assert (3, 8) == stand.slot.outputs[0].place.shape


@pytest.mark.parametrize(
    "inputs",
    [
        "[torch.rand(1, 8)]",
        "[torch.rand(8)]",
        "[torch.rand(4, 8), torch.rand(5, 8)]",
        "[torch.rand(2, 8)]",
    ],
)
def test_inputs_without_one_leading_dimension_to_cut_have_no_sliced_stand(inputs):
    reference = REFERENCE.replace("[torch.rand(4, 8) - 0.5]", inputs).replace("self, x)", "self, x, *more)")

    assert torch.no_grad()(sliced_stand)(bench_of(reference)) is None


def test_a_reference_that_takes_no_other_size_has_no_sliced_stand():
    reference = REFERENCE.replace("torch.relu(self.linear(x))", "torch.relu(self.linear(x)).view(4, 8)")

    assert torch.no_grad()(sliced_stand)(bench_of(reference)) is None
