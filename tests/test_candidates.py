"""The candidates that benchmarks measure with: whole, and the same in the scripts made of them."""

import ast
import importlib.util
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "candidates"
FILES = sorted((FOLDER / "kernelbench").glob("*.py"))


def scripts():
    spec = importlib.util.spec_from_file_location("make_scripts", FOLDER / "make_scripts.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_at_least_ten_over_three_levels():
    assert len(FILES) >= 10
    assert {"L1", "L2", "L3"} == {file.stem[:2] for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_is_a_module_with_a_model_and_a_kernel(file):
    source = file.read_text(encoding="utf-8")
    classes = {node.name for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}

    assert {"ModelNew"} == classes
    assert "__global__" in source


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_scripts_hold_the_files_as_they_are(level):
    written = (FOLDER / f"level{level}.completions.yaml").read_text(encoding="utf-8")

    assert scripts().script(level) == written
    completions = yaml.safe_load(written)
    for problem, source in scripts().candidates(level).items():
        assert [f"```python\n{source}```\n"] == completions[str(problem)]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_specs_name_every_problem_that_has_a_candidate(level):
    spec = yaml.safe_load((FOLDER / f"level{level}.yaml").read_text(encoding="utf-8"))

    assert list(scripts().candidates(level)) == spec["problems"]["ids"]
