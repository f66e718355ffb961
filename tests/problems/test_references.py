import warnings

import pytest

from caesar.domain import Problem
from caesar.errors import UsageError
from caesar.problems.references import missing_packages, problem_from, problem_of

SOURCE = """import torch

class Model(torch.nn.Module):
    pass

def get_inputs():
    return []

def get_init_inputs():
    return []
"""


def parsed(source, stem="1_Relu"):
    return problem_of(source, stem=stem, suite="s", level=None, where="the test")


@pytest.mark.parametrize(
    ("stem", "identity", "name"),
    [
        ("19_ReLU", "19", "ReLU"),
        ("1_Square_matrix_", "1", "Square_matrix_"),
        ("softmax", "softmax", "softmax"),
        ("my_kernel", "my_kernel", "my_kernel"),
        ("3d_conv", "3d_conv", "3d_conv"),
        ("7", "7", "7"),
    ],
)
def test_the_id_is_the_number_before_the_first_underscore_else_the_stem(stem, identity, name):
    problem = parsed(SOURCE, stem)

    assert (identity, name) == (problem.id, problem.name)


def test_a_problem_keeps_its_source_to_the_letter(tmp_path):
    file = tmp_path / "1_Relu.py"
    file.write_text(SOURCE)

    assert Problem("s", "1", "Relu", SOURCE, level=2) == problem_from(file, suite="s", level=2)


@pytest.mark.parametrize("part", ["Model", "get_inputs", "get_init_inputs"])
def test_a_missing_part_is_named(part):
    with pytest.raises(UsageError, match=rf"the test .* defines no {part};"):
        parsed(SOURCE.replace(part, "Other"))


def test_parts_may_be_assigned_or_imported():
    source = "from layers import Net as Model\nget_inputs = get_init_inputs = lambda: []\n"

    assert source == parsed(source).source


def test_a_syntax_error_is_named_with_its_line():
    with pytest.raises(UsageError, match="the test:2: not Python"):
        parsed("class Model:\n    def\n")


def test_a_file_with_a_null_byte_is_no_problem():
    with pytest.raises(UsageError, match=r"the test.* not Python"):
        parsed("class Model: ...\0")


def test_an_unreadable_file_is_a_usage_error(tmp_path):
    file = tmp_path / "1_Latin.py"
    file.write_bytes(b"# caf\xe9\n")

    with pytest.raises(UsageError, match=r"1_Latin\.py can't be read"):
        problem_from(file, suite="s")


def test_nothing_of_a_reference_is_executed():
    assert "1" == parsed(SOURCE + "\nraise SystemExit\n").id


def test_an_odd_escape_in_a_reference_warns_nobody():
    odd = SOURCE + "\nodd = '\\d'\n"
    with pytest.warns((DeprecationWarning, SyntaxWarning), match="invalid escape"):
        compile(odd, "odd.py", "exec", dont_inherit=True)

    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        warnings.simplefilter("error", SyntaxWarning)

        assert "1" == parsed(odd).id


def test_packages_that_are_not_installed_are_listed_wherever_they_are_imported():
    imports = "import no_such_b.part, json\ndef f():\n    from no_such_a import x\n    from . import near\n"

    assert ("no_such_a", "no_such_b") == missing_packages(parsed(imports + SOURCE))


def test_a_reference_whose_packages_are_all_here_misses_none():
    assert () == missing_packages(parsed(SOURCE.replace("import torch", "import json.decoder")))
