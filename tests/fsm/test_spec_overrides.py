"""Values beside the file: they follow the file's own rules and are reported where they were given."""

from __future__ import annotations

import pytest

from caesar.fsm.overrides import setting
from caesar.fsm.spec import SpecError, load

SMALLEST = "caesar: 1\nname: smallest\nproblems: starter\nmodel: some/model\nbudget: {turns: 4, usd: 1}\n"


def overridden(**overrides: object):
    return load(
        SMALLEST, file="x.yaml", overrides={key.replace("__", "."): value for key, value in overrides.items()}
    )


def refusal(text: str = SMALLEST, **overrides: object) -> str:
    with pytest.raises(SpecError) as caught:
        load(text, file="x.yaml", overrides={key.replace("__", "."): value for key, value in overrides.items()})
    return str(caught.value)


def test_an_override_replaces_one_value_and_keeps_its_neighbours():
    spec = overridden(budget__turns=9)

    assert (9, 1.0) == (spec.budget.turns, spec.budget.usd)


def test_a_short_form_in_the_file_takes_overrides_of_its_settings():
    spec = overridden(model__temperature=0.5, problems__limit=2)

    assert ("some/model", 0.5) == (spec.model.name, spec.model.temperature)
    assert ("starter", 2) == (spec.problems.suite, spec.problems.limit)


def test_an_override_may_itself_be_a_short_form_or_a_map():
    spec = overridden(model="other/model", problems={"suite": "there", "ids": ["1-3", 7]})

    assert ("other/model", "there", ("1-3", "7")) == (spec.model.name, spec.problems.suite, spec.problems.ids)


def test_an_override_makes_the_maps_it_leads_through():
    assert 30.0 == overridden(limits__build="30s").limits.build_s


def test_overrides_apply_in_the_order_given():
    spec = overridden(model={"name": "a", "temperature": 1}, model__name="b")

    assert ("b", 1.0) == (spec.model.name, spec.model.temperature)


def test_an_override_can_supply_what_the_file_lacks():
    text = SMALLEST.replace("model: some/model\n", "")

    assert "given/late" == load(text, file="x.yaml", overrides={"model.name": "given/late"}).model.name


def test_an_override_mends_what_is_wrong_in_the_file():
    text = SMALLEST.replace("turns: 4", "turns: none")

    assert 2 == load(text, file="x.yaml", overrides={"budget.turns": 2}).budget.turns


def test_none_removes_a_key_so_that_the_default_holds():
    assert overridden(budget__usd=None).budget.usd is None


def test_an_override_reaches_into_the_machine():
    text = SMALLEST + (
        "machine:\n  start: t\n  states:\n"
        "    t: {do: begin_turn, on: {begun: g, exhausted: f}}\n"
        "    g: {do: generate, on: {otherwise: t}}\n"
        "    f: {do: finish}\n"
    )

    assert "last" == load(text, file="x.yaml", overrides={"machine.states.f.result": "last"}).states["f"].result


def test_a_wrong_override_is_told_where_it_was_given():
    assert "--set budget.turns: budget.turns must be a whole number of at least 1, not 0" == refusal(
        budget__turns=0
    )


def test_an_unknown_key_of_an_override_is_told_with_the_near_one():
    assert "--set budget.turn: budget has no key turn; did you mean turns?" == refusal(budget__turn=3)


def test_problems_of_the_file_come_before_those_of_overrides():
    lines = refusal(SMALLEST + "samples: 0\n", seed=-1).splitlines()

    assert ["x.yaml:6:10", "--set seed"] == [line.partition(": ")[0] for line in lines]


def test_an_override_inside_a_value_that_is_no_map_is_refused():
    expected = "--set name.first: a key before the last is not a map in the file; override that key whole"

    assert expected == refusal(name__first="x")


@pytest.mark.parametrize("key", ["", "a..b", ".a", "a."])
def test_a_key_with_an_empty_part_is_refused(key):
    with pytest.raises(SpecError, match="is not a dotted key"):
        load(SMALLEST, file="x.yaml", overrides={key: 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {"turns": {1, 2}}])
def test_a_value_that_no_spec_can_hold_is_refused(value):
    assert refusal(budget=value).startswith("--set budget: ")


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("budget.turns=3", ("budget.turns", 3)),
        ("name=on", ("name", "on")),
        ("model.temperature=1e-1", ("model.temperature", 0.1)),
        ('problems.ids=[1, "2-3"]', ("problems.ids", [1, "2-3"])),
        ("budget={turns: 2}", ("budget", {"turns": 2})),
        ("model.params.x=a=b", ("model.params.x", "a=b")),
        ("budget.usd=", ("budget.usd", None)),
        ("budget.usd=null", ("budget.usd", None)),
    ],
)
def test_a_setting_is_read_by_the_rules_of_specs(assignment, expected):
    assert expected == setting(assignment)


@pytest.mark.parametrize("assignment", ["budget.turns", "budget.turns=[1", "seed=.nan"])
def test_a_setting_that_can_t_be_read_names_its_key(assignment):
    key = assignment.partition("=")[0]

    with pytest.raises(SpecError, match=f"^--set {key}:"):
        setting(assignment)
