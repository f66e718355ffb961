"""YAML as this program reads it: stricter than PyYAML, and never surprised by a text."""

from __future__ import annotations

import json
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from caesar.fsm import document
from caesar.fsm.defects import Place, SpecError
from caesar.fsm.document import parse, plain

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="\ufeff")
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
PLAIN_DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "on", "no", "1"]), inner),
    max_leaves=12,
)
MARKUP = st.text(st.sampled_from("ab:-?[]{},&*!|>'\"%@`#~<0.1 \t\n\\xuUF\x85\u2028é"), max_size=60)


def read(text: str) -> object:
    return plain(parse(text, file="x.yaml"))


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def _either_loader(request, monkeypatch):
    monkeypatch.setattr(document, "_LOADER", getattr(yaml, request.param))


@pytest.mark.parametrize(
    "word", ["on", "off", "yes", "no", "y", "On", "2024-01-31", "1:30", "0b1", "1_000", "="]
)
def test_what_only_yaml_1_1_takes_for_something_else_is_text(word):
    assert word == read(word)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("''", ""),
        ("0", 0),
        ("-12", -12),
        ("010", 10),
        ("0o17", 15),
        ("0xfF", 255),
        ("1e-4", 1e-4),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("-1.", -1.0),
        ("'12'", "12"),
        ('"true"', "true"),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text, value):
    found = read(text)

    assert (type(value), value) == (type(found), found)


@pytest.mark.parametrize(
    "text", ["9223372036854775808", "0x8000000000000000", "9" * 5000, "1e999", "-.inf", ".NaN"]
)
def test_a_number_that_no_event_could_hold_is_refused(text):
    with pytest.raises(SpecError, match="number"):
        parse(text, file="x.yaml")


def test_keys_are_text_whatever_they_look_like():
    assert {"on": 1, "1": 2, "null": 3} == read("on: 1\n1: 2\nnull: 3\n")


@pytest.mark.usefixtures("_either_loader")
def test_every_value_knows_where_it_and_its_key_begin():
    root = parse("# comment\na:\n  - x\n  - {b: é, c: 1}\n", file="x.yaml")

    found = root.find(("a", 1, "c"))

    assert found is not None
    assert (Place("x.yaml", 4, 15), Place("x.yaml", 4, 12)) == (found.at, found.key_at)
    assert root.find(("a", 2)) is None


def test_an_alias_repeats_its_value():
    assert {"a": {"b": [1]}, "c": {"b": [1]}, "d": [1]} == read("a: &x {b: &y [1]}\nc: *x\nd: *y\n")


def test_the_key_of_an_alias_is_where_it_is_used():
    root = parse("a: &x [1]\nbb: *x\n", file="x.yaml")

    found = root.find(("bb",))

    assert found is not None
    assert Place("x.yaml", 2, 1) == found.place


def test_aliases_that_multiply_are_stopped_early():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]

    with pytest.raises(SpecError, match="values, aliases expanded"):
        parse("\n".join(lines), file="x.yaml")


def test_aliases_that_nest_are_stopped_early():
    lines = ["a0: &a0 [1]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 60))]

    with pytest.raises(SpecError, match="nested more than 32 deep"):
        parse("\n".join(lines), file="x.yaml")


def test_a_hundred_aliases_are_enough():
    text = "a: &a 1\nb: [" + "*a, " * 101 + "]"

    with pytest.raises(SpecError, match="more than 100 aliases"):
        parse(text, file="x.yaml")


@pytest.mark.parametrize(
    "text", ["[" * 500_000, "{a: " * 200_000, "- " * 400_000, "? " * 400_000, "[a, " * 10 + "a, " * 300_000]
)
def test_hostile_texts_are_refused_in_a_moment(text):
    started = time.process_time()

    with pytest.raises(SpecError):
        parse(text, file="x.yaml")

    assert time.process_time() - started < 5


def test_a_text_longer_than_a_million_characters_is_not_read():
    with pytest.raises(SpecError, match="longer than 1000000 characters"):
        parse("a" * 1_000_001, file="x.yaml")


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\ud800", "\ufffe"])
def test_a_control_character_is_refused_where_it_stands(character):
    with pytest.raises(SpecError) as caught:
        parse(f"a: 1\nb: x{character}\n", file="x.yaml")

    assert [(2, 5)] == [(problem.line, problem.column) for problem in caught.value.problems]


def test_a_byte_order_mark_at_the_start_is_no_part_of_the_spec():
    assert {"a": 1} == read("\ufeffa: 1")


def test_lines_may_end_as_on_windows():
    assert {"a": 1, "b": [2]} == read("a: 1\r\nb:\r\n  - 2\r\n")


def test_several_defects_of_one_text_are_collected():
    with pytest.raises(SpecError) as caught:
        parse("a: 1\na: !x 2\nb: .nan\n", file="x.yaml")

    assert [2, 2, 3] == [problem.line for problem in caught.value.problems]


@given(PLAIN_DATA)
def test_json_is_read_as_what_it_says(value):
    assert value == read(json.dumps(value, ensure_ascii=False))


@pytest.mark.usefixtures("_either_loader")
@given(text=MARKUP | st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text):
    try:
        parse(text, file="x.yaml")
    except SpecError as error:
        problems = error.problems
    else:
        return

    assert problems
    assert all(problem.line for problem in problems)
