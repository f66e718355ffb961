"""A spec as a value: what a file means, what pins it, and what makes two commands the same run."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from caesar.domain import KERNELS, Context, Feedback, History
from caesar.effects import Backend, EvaluationSettings, Limits, ModelSettings, Precision
from caesar.errors import StoreError
from caesar.fsm.spec import (
    Budget,
    Concurrency,
    ProblemSelection,
    Spec,
    SpecError,
    StateSpec,
    difference,
    from_resolved,
    identity,
    load,
    resolved,
    schema,
)

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "specs").glob("*.yaml"))
SMALLEST = "caesar: 1\nname: smallest\nproblems: starter\nmodel: some/model\nbudget: {turns: 4}\n"

NUMBERS = st.floats(min_value=0.001, max_value=1e9)
COUNTS = st.integers(1, 2**53)
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
LIMITS = st.builds(Limits, build_s=NUMBERS, evaluate_s=NUMBERS, output_bytes=COUNTS, max_feedback_chars=COUNTS)
BUDGETS = st.builds(
    Budget,
    turns=st.none() | COUNTS,
    tokens=st.none() | COUNTS,
    usd=st.none() | NUMBERS,
    wall_s=st.none() | NUMBERS,
    device_s=st.none() | NUMBERS,
)
MODELS = st.builds(
    ModelSettings,
    name=WORDS,
    temperature=st.none() | NUMBERS,
    top_p=st.none() | NUMBERS,
    max_tokens=st.none() | COUNTS,
    params=st.dictionaries(WORDS, WORDS | COUNTS | NUMBERS | st.booleans(), max_size=3),
)
SPECS = st.builds(
    Spec,
    name=WORDS,
    about=WORDS,
    problems=st.builds(
        ProblemSelection,
        suite=WORDS,
        ids=st.none() | st.lists(WORDS).map(tuple),
        limit=st.none() | COUNTS,
    ),
    samples=COUNTS,
    seed=COUNTS,
    model=MODELS,
    budget=BUDGETS,
    evaluation=st.builds(EvaluationSettings, precision=st.sampled_from(Precision), timing_s=NUMBERS),
    context=st.builds(
        Context,
        history=st.sampled_from(History),
        show=st.lists(st.sampled_from(Feedback), unique=True).map(tuple),
    ),
    limits=LIMITS,
    concurrency=st.builds(Concurrency, builds=st.none() | COUNTS),
    start=WORDS,
    states=st.dictionaries(
        WORDS,
        st.builds(
            StateSpec,
            name=WORDS,
            action=WORDS,
            on=st.dictionaries(WORDS, WORDS, max_size=3),
            result=st.none() | st.sampled_from(["best", "last"]),
        ),
        max_size=3,
    ),
    backend=st.none() | st.sampled_from(Backend),
    examples=st.sampled_from(["builtin", "none"]),
)


@pytest.fixture
def spec() -> Spec:
    return load(SMALLEST, file="smallest.yaml")


def test_the_smallest_spec_gets_every_default(spec):
    assert (1, 0, "", None, "builtin") == (spec.samples, spec.seed, spec.about, spec.backend, spec.examples)
    assert ProblemSelection("starter") == spec.problems
    assert ModelSettings("some/model") == spec.model
    assert (EvaluationSettings(), Context(), Limits(), Concurrency()) == (
        spec.evaluation,
        spec.context,
        spec.limits,
        spec.concurrency,
    )


def test_a_spec_without_a_machine_gets_the_one_that_last_only_writes_out(spec):
    text = (ROOT / "specs" / "last_only.yaml").read_text(encoding="utf-8")

    written = load(text, file="last_only.yaml")

    assert (written.start, written.states) == (spec.start, spec.states)


def test_every_key_reaches_its_field():
    text = SMALLEST.replace(
        "problems: starter", 'problems: {suite: kernelbench/level1, ids: [1, "2-3"], limit: 2}'
    )
    text = text.replace(
        "some/model", "{name: a/b, temperature: 0, top_p: 0.9, max_tokens: 10, params: {x: true}}"
    )
    text = text.replace("{turns: 4}", "{turns: 4, tokens: 5, usd: 2, wall: 1.5h, device: 90s}")
    text += (
        "about: why\nsamples: 2\nseed: 3\nbackend: cuda\nexamples: none\n"
        "evaluation: {precision: bf16, correctness_trials: 1, timing_trials: 2, timing_s: 3}\n"
        "context: {history: all, show: [verdict]}\n"
        "limits: {build: 2m, evaluate: 30, output_bytes: 4, max_feedback_chars: 5}\n"
        "concurrency: {trajectories: 1, models: 2, builds: 3, devices: 4}\n"
    )

    spec = load(text, file="x.yaml")

    assert ProblemSelection("kernelbench/level1", ("1", "2-3"), 2) == spec.problems
    assert ModelSettings("a/b", 0.0, 0.9, 10, {"x": True}) == spec.model
    assert Budget(turns=4, tokens=5, usd=2.0, wall_s=5400.0, device_s=90.0) == spec.budget
    assert EvaluationSettings(Precision.BF16, 1, 2, 3.0) == spec.evaluation
    assert Context(History.ALL, (Feedback.VERDICT,)) == spec.context
    assert Limits(120.0, 30.0, 4, 5) == spec.limits
    assert Concurrency(1, 2, 3, 4) == spec.concurrency
    assert ("why", 2, 3, Backend.CUDA, "none") == (
        spec.about,
        spec.samples,
        spec.seed,
        spec.backend,
        spec.examples,
    )


def test_otherwise_stands_for_every_outcome_not_named():
    text = SMALLEST + (
        "machine:\n  start: t\n  states:\n"
        "    t: {do: begin_turn, on: {begun: g, otherwise: f}}\n"
        "    g: {do: generate, on: {otherwise: t}}\n"
        "    f: {do: finish, result: last}\n"
    )

    spec = load(text, file="x.yaml")

    assert {
        "t": StateSpec("t", "begin_turn", {"begun": "g", "exhausted": "f"}),
        "g": StateSpec("g", "generate", {"candidate": "t", "no_code": "t"}),
        "f": StateSpec("f", "finish", {}, result="last"),
    } == spec.states


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_spec_is_sound_and_named_as_its_file(path):
    spec = load(path.read_text(encoding="utf-8"), file=path.name)

    assert path.stem == spec.name


def test_the_shipped_strategies_differ_in_their_history_alone():
    last, everything = (
        load((ROOT / f"specs/{name}.yaml").read_text(), file=name) for name in ("last_only", "all_prev")
    )

    assert ("context.history: last -> all",) == difference(identity(last), identity(everything))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_spec_shows_editors_its_schema(path):
    first, *_ = path.read_text(encoding="utf-8").splitlines()

    target = path.parent / first.removeprefix("# yaml-language-server: $schema=")

    assert json.loads(target.read_text(encoding="utf-8")) == schema()


@given(SPECS)
def test_a_resolved_spec_comes_back_from_its_json(spec):
    assert spec == from_resolved(json.loads(json.dumps(resolved(spec))))


@pytest.mark.parametrize(
    "change",
    [{"caesar": 2}, {"colour": "red"}, {"samples": "2"}, {"budget": {"colour": 4}}, {"model": {}}],
    ids=["version", "unknown", "type", "nested", "missing"],
)
def test_a_pinned_spec_of_another_program_is_refused(spec, change):
    with pytest.raises(StoreError, match="pinned spec"):
        from_resolved({**resolved(spec), **change})


def test_a_key_that_an_older_program_did_not_know_has_its_default(spec):
    data = resolved(spec)
    older = {**data, "limits": {key: value for key, value in data["limits"].items() if key != "evaluate_s"}}

    assert spec == from_resolved(older)


@pytest.mark.parametrize(
    "free",
    [
        {"name": "other"},
        {"about": "other"},
        {"concurrency": {"builds": 1}},
        {"samples": 9},
        {"problems.ids": [1]},
        {"problems.limit": 1},
        {"budget.turns": 9},
    ],
    ids=str,
)
def test_how_much_of_a_run_is_asked_for_is_no_part_of_its_identity(spec, free):
    other = load(SMALLEST, file="x.yaml", overrides=free)

    assert spec != other
    assert identity(spec) == identity(other)


@pytest.mark.parametrize(
    "change",
    [
        {"model.temperature": 0.5},
        {"budget.usd": 1},
        {"problems.suite": "other"},
        {"context.history": "all"},
        {"limits.build": "1m"},
        {"seed": 1},
        {"backend": "cpu"},
        {"evaluation.precision": "fp16"},
    ],
    ids=str,
)
def test_what_decides_results_is_part_of_the_identity(spec, change):
    other = load(SMALLEST, file="x.yaml", overrides=change)

    assert 1 == len(difference(identity(spec), identity(other)))


def test_a_difference_is_a_line_for_each_dotted_key():
    old = {"model": {"name": "a", "temperature": 0.2, "params": {}}, "show": ["x"], "about": ""}
    new = {"model": {"name": "b", "temperature": None, "params": {"p": 1}}, "show": ["y"], "about": ""}

    assert (
        "model.name: a -> b",
        "model.params: {} -> absent",
        "model.params.p: absent -> 1",
        "model.temperature: 0.2 -> absent",
        'show: ["x"] -> ["y"]',
    ) == difference(old, new)


def test_the_schema_is_valid_and_says_something_about_every_key():
    language = schema()

    Draft202012Validator.check_schema(language)

    assert [] == [key for key, rule in keys_of(language) if not described(rule, language)]


def test_the_schema_knows_the_task_s_actions_and_outcomes():
    state = schema()["$defs"]["state"]["properties"]

    outcomes = {outcome for action in KERNELS.actions.values() for outcome in action.outcomes}

    assert list(KERNELS.actions) == state["do"]["enum"]
    assert outcomes | {"otherwise"} == set(state["on"]["properties"])


def test_the_schema_s_choices_are_the_values_choices():
    language = schema()["$defs"]

    assert list(Feedback) == language["context"]["properties"]["show"]["items"]["enum"]
    assert list(History) == language["context"]["properties"]["history"]["enum"]
    assert list(Precision) == language["evaluation"]["properties"]["precision"]["enum"]
    assert ["auto", *Backend] == schema()["properties"]["backend"]["enum"]


@pytest.mark.parametrize(
    ("section", "value"),
    [("evaluation", EvaluationSettings()), ("context", Context()), ("limits", Limits())],
)
def test_the_schema_s_defaults_are_the_values_defaults(spec, section, value):
    rules = schema()["$defs"][section]["properties"]

    written = {f"{section}.{key}": rule["default"] for key, rule in rules.items()}

    assert value == getattr(load(SMALLEST, file="x.yaml", overrides=written), section)


def test_every_key_and_choice_of_the_schema_is_documented():
    documented = (ROOT / "docs" / "specs.md").read_text(encoding="utf-8")
    language = schema()

    words = {key for key, _ in keys_of(language)} | set(choices_of(language))

    assert [] == sorted(word for word in words if f"`{word}`" not in documented)


def test_the_worked_example_of_the_documentation_is_sound():
    documented = (ROOT / "docs" / "specs.md").read_text(encoding="utf-8")
    example = documented.split("```yaml\n")[1].split("```")[0]

    assert "patient" == load(example, file="docs/specs.md").name


def test_the_errors_of_the_documentation_are_those_of_the_program():
    documented = (ROOT / "docs" / "specs.md").read_text(encoding="utf-8")
    wrong = documented.split("```yaml\n")[2].split("```")[0]
    told = documented.split("```text\n")[1].split("```")[0]

    with pytest.raises(SpecError) as caught:
        load(wrong, file="wrong.yaml", overrides={"samples": 0})

    assert told.strip() == str(caught.value)


@given(text=st.text(max_size=40), at=st.integers(0, 10_000), length=st.integers(0, 30))
def test_any_damage_to_a_spec_raises_nothing_but_a_spec_error(text, at, length):
    sound = SHIPPED[0].read_text(encoding="utf-8")
    start = at % len(sound)

    try:
        load(sound[:start] + text + sound[start + length :], file="x.yaml")
    except SpecError as error:
        problems = error.problems
    else:
        return

    assert problems


@pytest.mark.slow
def test_reading_specs_is_paid_for_only_by_those_who_do():
    program = "import sys, caesar.fsm.spec; sys.exit('jsonschema' in sys.modules or 'torch' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode


def test_a_changed_spec_is_another_value(spec):
    assert spec != replace(spec, seed=1)


def keys_of(rule):
    """Every key that some map of the schema may have, with its rule."""
    if isinstance(rule, dict):
        properties = rule.get("properties")
        yield from properties.items() if isinstance(properties, dict) else ()
        for name, inner in rule.items():
            yield from keys_of(inner) if name not in ("default", "enum") else ()
    elif isinstance(rule, list):
        for inner in rule:
            yield from keys_of(inner)


def choices_of(rule):
    """Every word that some value of the schema may be; those that params may not hold aside."""
    if isinstance(rule, dict):
        yield from rule.get("enum", ())
        for name, inner in rule.items():
            yield from choices_of(inner) if name not in ("default", "not") else ()
    elif isinstance(rule, list):
        for inner in rule:
            yield from choices_of(inner)


def described(rule, language) -> bool:
    return "description" in rule or "description" in language["$defs"].get(rule.get("$ref", "")[8:], {})
