import asyncio
import json

import pytest
from contracts.model import ModelContract, a_generate

from caesar.domain import Usage
from caesar.errors import Fault, UsageError
from caesar.models.scripted import ScriptedModel, load_script


def text_of(model, **request):
    return asyncio.run(model.generate(a_generate(**request))).text


class TestScriptedModel(ModelContract):
    def make_model(self):
        return ScriptedModel(["first", "second"])


class TestScriptedModelByProblem(ModelContract):
    def make_model(self):
        return ScriptedModel({"1": ["first", "second"], "2": ["other"]})


def test_each_turn_has_its_completion_whatever_the_sample():
    model = ScriptedModel(["first", "second"])

    texts = [text_of(model, sample=sample, turn=turn) for sample, turn in ((0, 1), (3, 1), (3, 2))]

    assert ["first", "first", "second"] == texts


def test_a_script_by_problem_keeps_problems_apart():
    model = ScriptedModel({"1": ["one"], "2": ["two"]})

    assert ("one", "two") == (text_of(model, problem="1"), text_of(model, problem="2"))


def test_a_script_costs_nothing():
    generated = asyncio.run(ScriptedModel(["first"]).generate(a_generate()))

    assert Usage() == generated.usage


@pytest.mark.parametrize(
    ("completions", "problem", "turn", "held"),
    [(["only"], "1", 2, "1 completions"), ({"1": ["only"]}, "2", 1, "0 completions")],
)
def test_running_out_is_a_permanent_fault_that_names_problem_and_turn(completions, problem, turn, held):
    model = ScriptedModel(completions)

    with pytest.raises(Fault, match=f"problem {problem} is at turn {turn} .* {held}") as raised:
        text_of(model, problem=problem, turn=turn)

    assert ("model", True) == (raised.value.kind, raised.value.permanent)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("script.yaml", "- first\n- second\n"),
        ("script.json", '["first", "second"]'),
        ("s.yml", "[first, second]"),
    ],
)
def test_a_list_in_a_file_is_a_script(tmp_path, name, content):
    (tmp_path / name).write_text(content)

    model = load_script(tmp_path / name)

    assert ["first", "second"] == [text_of(model, turn=turn) for turn in (1, 2)]


def test_json_keeps_characters_beyond_16_bits(tmp_path):
    file = tmp_path / "script.json"
    file.write_text(json.dumps(["fast \N{ROCKET}"]))

    assert "fast \N{ROCKET}" == text_of(load_script(file))


def test_a_mapping_in_a_file_may_write_problem_ids_as_numbers(tmp_path):
    file = tmp_path / "script.yaml"
    file.write_text("1: [one]\nsoftmax: [two]\n")

    model = load_script(file)

    assert ["one", "two"] == [text_of(model, problem=problem) for problem in ("1", "softmax")]


def test_a_python_file_is_turn_ones_candidate(tmp_path):
    file = tmp_path / "fast.py"
    file.write_text("class ModelNew: ...\n\n")

    assert "```python\nclass ModelNew: ...\n```\n" == text_of(load_script(file))


def test_a_markdown_file_is_turn_ones_completion_as_it_stands(tmp_path):
    file = tmp_path / "reply.md"
    file.write_text("Here:\n```python\npass\n```\n")

    assert file.read_text() == text_of(load_script(file))


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("script.yaml", "- 1\n- {a: b}\n", "no script"),
        ("script.yaml", "[unclosed", "no script"),
        ("script.json", '"just a text"', "no script"),
        ("script.json", "[unclosed", "no script"),
        ("script.json", "[" * 100_000, "no script"),
        ("script.yaml", "[" * 5000, "no script"),
        ("script.yaml", "- 2020-99-99", "no script"),
        ("script.txt", "hello", "no known kind; name it .yaml, .json, .md or .py"),
    ],
)
def test_a_file_that_is_no_script_is_a_usage_error_naming_it(tmp_path, name, content, complaint):
    (tmp_path / name).write_text(content)

    with pytest.raises(UsageError, match=complaint) as raised:
        load_script(tmp_path / name)

    assert name in str(raised.value)


def test_a_missing_script_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.yaml can't be read: No such file or directory$"):
        load_script(tmp_path / "nowhere.yaml")
