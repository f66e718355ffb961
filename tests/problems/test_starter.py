import ast
import subprocess
import sys
from pathlib import Path

import pytest

from caesar.problems.suites import load_suite

STARTER = load_suite("starter", kernelbench=None, relative_to=Path())
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture(params=STARTER.problems, ids=lambda problem: problem.name)
def problem(request):
    return request.param


@pytest.fixture
def solved(problem):
    """The module, its inputs and what the reference makes of them."""
    torch = pytest.importorskip("torch")
    module = {}
    exec(compile(problem.source, problem.name, "exec"), module)
    torch.manual_seed(5)
    model = module["Model"](*module["get_init_inputs"]())
    inputs = module["get_inputs"]()
    with torch.no_grad():
        return torch, model, inputs, model(*inputs)


def test_the_starter_suite_has_eight_problems_in_order():
    assert list("12345678") == [problem.id for problem in STARTER.problems]
    assert (None, None) == (STARTER.level, STARTER.dataset_name)


def test_a_problem_says_what_it_computes_and_over_which_shapes(problem):
    (model,) = [node for node in ast.parse(problem.source).body if isinstance(node, ast.ClassDef)]
    (forward,) = [node for node in model.body if getattr(node, "name", "") == "forward"]

    assert ast.get_docstring(model)
    assert "result" in ast.get_docstring(forward)


@pytest.mark.slow
def test_a_problem_needs_an_answer_that_depends_on_its_inputs(solved):
    torch, _, inputs, expected = solved
    constant = expected.mean().expand_as(expected)
    of_the_batch = expected.mean(dim=0, keepdim=True).expand_as(expected)

    wrong = [torch.zeros_like(expected), torch.ones_like(expected), constant, of_the_batch]
    wrong += [each for each in inputs if each.shape == expected.shape]

    assert not any(torch.allclose(expected, answer, **TOLERANCE) for answer in wrong)


@pytest.mark.slow
def test_a_problem_gives_another_answer_to_other_inputs(solved):
    torch, model, inputs, expected = solved

    with torch.no_grad():
        other = model(*(torch.rand_like(each) for each in inputs))

    assert not torch.allclose(expected, other, **TOLERANCE)


@pytest.mark.slow
def test_a_problem_gives_one_finite_tensor_of_moderate_size(solved):
    torch, _, inputs, expected = solved

    assert torch.isfinite(expected).all()
    assert torch.float32 == expected.dtype
    assert max(each.numel() for each in (*inputs, expected)) <= 1 << 22


@pytest.mark.slow
def test_a_reference_repeats_itself_within_the_tolerance_in_double_precision(solved):
    torch, model, inputs, expected = solved

    with torch.no_grad():
        exact = model.double()(*(each.double() for each in inputs))

    assert torch.allclose(expected.double(), exact, **TOLERANCE)


@pytest.mark.slow
def test_reading_problems_and_opening_models_imports_neither_torch_nor_litellm():
    script = (
        "import sys; from pathlib import Path; import caesar.models.resolve\n"
        "from caesar.problems.suites import load_suite\n"
        "load_suite('starter', kernelbench=None, relative_to=Path())\n"
        "print([name for name in ('torch', 'litellm', 'datasets') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "[]\n" == done.stdout
