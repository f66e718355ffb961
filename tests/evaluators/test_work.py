"""What a problem's work is at least: each case could be done with less than a naive count says."""

import pytest
import torch
from torch import nn

from caesar.evaluators.roofline import Work
from caesar.evaluators.work import work_of

FLOAT = 4


class Reference(nn.Module):
    """A function as a model, with whatever modules it needs."""

    def __init__(self, forward, *modules):
        super().__init__()
        self.function = forward
        self.parts = nn.ModuleList(modules)

    def forward(self, *inputs):
        return self.function(*self.parts, *inputs)


def work(forward, *inputs, modules=()):
    model = Reference(forward, *modules)
    with torch.no_grad():
        return work_of(model, inputs, model(*inputs))


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_a_pointwise_operation_reads_its_inputs_and_writes_its_output():
    assert Work(2 * 64 * FLOAT, 64 * FLOAT, 0) == work(
        lambda a, b: a * torch.sigmoid(b), torch.rand(64), torch.rand(64)
    )


def test_a_product_reads_inputs_and_parameters_once_and_takes_two_operations_a_multiplication():
    linear = nn.Linear(16, 8)

    assert Work((4 * 16 + 16 * 8 + 8) * FLOAT, 4 * 8 * FLOAT, 2 * 4 * 16 * 8) == work(
        lambda layer, x: layer(x), torch.rand(4, 16), modules=[linear]
    )


def test_intermediate_values_cost_nothing():
    assert Work(64 * FLOAT, 64 * FLOAT, 0) == work(lambda x: torch.exp(torch.tanh(x + 1)) * 2, torch.rand(64))


def test_a_gather_reads_nothing_for_sure():
    embedding = nn.Embedding(1000, 8)

    counted = work(lambda layer, ids: layer(ids), torch.randint(1, 1000, (5,)), modules=[embedding])

    assert Work(0, 5 * 8 * FLOAT, 0) == counted


def test_a_slice_does_not_read_all_of_its_source():
    assert 0 == work(lambda x: torch.relu(x[:2]), torch.rand(64, 4)).read_bytes


def test_a_masked_or_chosen_element_is_not_read_for_sure():
    x = torch.rand(16)

    assert 0 == work(lambda m, x: torch.where(m, x, 0.0), x > 0.5, x).read_bytes


def test_an_input_nothing_depends_on_is_not_read():
    assert 8 * FLOAT == work(lambda x, _unused: x + 1, torch.rand(8), torch.rand(8)).read_bytes


def test_zeros_constants_and_second_halves_need_no_reading():
    lower, even = torch.tril(torch.rand(8, 8) + 1), torch.rand(8, 8)

    assert 36 * FLOAT == work(lambda x: x + 1, lower).read_bytes
    assert 0 == work(lambda x, y: x * y, torch.ones(8), torch.ones(8)).read_bytes
    assert 32 * FLOAT == work(lambda x: x + 1, even + even.T).read_bytes


def test_a_product_of_structured_matrices_promises_no_operations():
    lower = torch.tril(torch.rand(8, 8) + 1)

    assert 0 == work(torch.matmul, lower, torch.rand(8, 8)).flops


def test_a_product_that_is_summed_up_may_be_absorbed():
    left, right = torch.rand(8, 16), torch.rand(16, 8)

    assert 0 == work(lambda a, b: (a @ b).sum(dim=1), left, right).flops
    assert 2 * 8 * 16 * 8 == work(lambda a, b: torch.relu(a @ b).sum(dim=1), left, right).flops


def test_of_a_chain_of_products_only_the_last_is_sure():
    a, b, c = torch.rand(4, 8), torch.rand(8, 16), torch.rand(16, 2)

    assert 2 * 4 * 16 * 2 == work(lambda a, b, c: (a @ b) @ c, a, b, c).flops


def test_a_convolution_counts_one_product_per_channel_and_output():
    convolution = nn.Conv2d(3, 5, 3, bias=False)

    counted = work(lambda layer, x: layer(x), torch.rand(2, 3, 8, 8), modules=[convolution])

    assert 2 * (2 * 5 * 6 * 6) * 3 == counted.flops


def test_a_strided_convolution_may_step_over_its_input():
    convolution = nn.Conv2d(3, 5, 1, stride=2, bias=False)

    assert (
        15 * FLOAT == work(lambda layer, x: layer(x), torch.rand(2, 3, 8, 8), modules=[convolution]).read_bytes
    )


def test_an_output_that_is_constant_depends_on_nothing():
    assert Work(0, 64 * FLOAT, 0) == work(lambda x: x * 0.0, torch.rand(64))


def test_an_output_that_is_the_input_itself_is_not_written():
    assert 0 == work(lambda x: x.view(8, 8), torch.rand(64)).written_bytes


def test_an_expanded_output_is_written_once_along_its_repeats():
    assert 8 * FLOAT == work(lambda x: (x + 1).expand(4, 8), torch.rand(8)).written_bytes


def test_an_unknown_operator_takes_nothing_for_sure():
    assert 0 == work(lambda x: torch.sort(x).values, torch.rand(64)).read_bytes
