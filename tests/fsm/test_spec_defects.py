"""Every defect has a file of its own, a sentence and a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from caesar.fsm.spec import Defect, SpecError, load

SPECS = Path(__file__).parent / "specs"

DEFECTS = [
    (
        "alias_of_itself",
        "6:29",
        "the alias *context has no anchor before it",
        "an alias repeats an earlier value",
    ),
    (
        "build_log_without_build",
        "8:7",
        "no state can produce build_log, as the machine has no build state",
        "remove it, or add a state with `do: build`",
    ),
    (
        "build_without_candidate",
        "11:5",
        "build is reached without a candidate: turn -> generate -> build",
        "lead there only after candidate of a generate state",
    ),
    (
        "cycle_without_turn",
        "11:5",
        "the cycle build -> build never begins a turn, so no budget would end it",
        "lead it through a begin_turn state",
    ),
    ("duplicate_key", "6:1", "the key model stands twice in this map, first in line 4", "keep one"),
    (
        "duration",
        "5:16",
        (
            "budget.wall must be a duration above 0: a number of seconds, or one with s, m or h (90s,"
            ' 30m, 1.5h), not "30 minutes"'
        ),
        None,
    ),
    (
        "exhausted_cycle",
        "9:61",
        "a spent budget would never end the trajectory: turn -> turn",
        "lead exhausted to a finish state",
    ),
    ("empty", "1:1", "the file is empty", "a spec starts with `caesar: 1`"),
    ("empty_budget", "5:9", "the budget is empty, so nothing would end a trajectory", "give it turns: 4"),
    ("escaped_control_character", "6:8", 'the text "a\\u0007b" holds a control character', "remove its escape"),
    (
        "evaluate_an_older_build",
        "12:5",
        "evaluate is reached without a build that succeeded: turn -> generate -> evaluate",
        "lead there only after built of a build state",
    ),
    (
        "evaluate_without_build",
        "12:5",
        "evaluate is reached without a build that succeeded: turn -> generate -> build -> evaluate",
        "lead there only after built of a build state",
    ),
    ("feedback_twice", "6:17", "context.show names something twice", "keep one"),
    ("finish_with_on", "13:26", "finish finishes the trajectory, so nothing comes after it", "remove its on"),
    ("foreign_outcome", "10:68", "the action generate has no outcome built", "it has candidate, no_code"),
    ("fraction", "6:10", "samples must be a whole number of at least 1, not 2.0", None),
    (
        "generate_twice",
        "14:5",
        "generate happens twice in one turn: generate -> build -> again",
        "lead there through a begin_turn state",
    ),
    (
        "generate_without_turn",
        "10:5",
        "generate is reached without an open turn: generate",
        "lead there only after begun of a begin_turn state",
    ),
    ("history", "6:20", 'context.history must be one of none, last, all, not "lst"', "did you mean last?"),
    ("ids_backwards", "3:37", "the range 20-10 runs backwards", "write 10-20"),
    (
        "ids_empty",
        "3:33",
        'problems.ids must be a list of at least one id, such as [1, "10-20", relu], not one of 0',
        None,
    ),
    (
        "ids_with_comma",
        "3:34",
        'problems.ids[0] must be an id, a range such as "10-20", or a name, not "1,2"',
        None,
    ),
    (
        "key_in_params",
        "4:36",
        "api_key may not stand in model.params",
        "specs are written to the log; set the provider's environment variable",
    ),
    ("key_is_a_list", "6:3", "a key is a list, a map or an alias", "keys are text"),
    (
        "later_backend",
        "6:10",
        "triton is not available in this version (backend)",
        "choose one of auto, cpu, cuda",
    ),
    ("later_beam", "10:30", "the key n is not available in this version", "remove it"),
    (
        "later_feedback",
        "6:27",
        "ncu is not available in this version (context.show[1])",
        "choose one of candidate, build_log, verdict, mismatch, runtime, baseline, hardware",
    ),
    ("later_guard", "12:43", "a list of guarded targets is not available in this version", "name one state"),
    (
        "later_history",
        "6:20",
        "a history with a number of turns is not available in this version",
        "choose one of none, last, all",
    ),
    ("later_matrix", "6:1", "the key matrix is not available in this version", "remove it"),
    ("later_models", "6:1", "the key models is not available in this version", "remove it"),
    (
        "later_profile",
        "14:19",
        "profile is not available in this version (machine.states.profile.do)",
        "choose one of begin_turn, generate, build, evaluate, finish",
    ),
    ("later_run_budget", "5:20", "the key run is not available in this version", "remove it"),
    ("machine_without_start", "6:1", "machine has no start", "add `start: ...`"),
    ("map_in_params", "4:43", "model.params.extra must be text, a number, true or false, not a map", None),
    ("merge_key", "6:11", "merge keys are not part of specs", "write the keys out"),
    ("missing_model", "1:1", "the spec has no model", "add `model: ...`"),
    ("missing_suite", "3:1", "problems has no suite", "add `suite: ...`"),
    (
        "name",
        "2:7",
        (
            "name must be 1 to 64 letters, digits, dots, dashes and underscores that start with a "
            'letter or digit, not "two words"'
        ),
        None,
    ),
    ("nested_too_deep", "6:41", "values are nested more than 32 deep", "no spec needs that"),
    ("no_action", "12:5", "machine.states.evaluate has no do", "add `do: generate`"),
    (
        "no_budget",
        "1:1",
        "the spec has no budget, so nothing would end a trajectory",
        "add `budget: {turns: 4}`",
    ),
    ("no_finish", "8:3", "no state finishes the trajectory", "add `finish: {do: finish}`"),
    (
        "no_on",
        "12:5",
        "evaluate does not cover passed, incorrect, crashed, timed_out, rejected",
        "say where each leads, or add otherwise",
    ),
    (
        "no_path_to_finish",
        "14:5",
        "no path leads from trap, retry to a finish state",
        "lead one of their outcomes there",
    ),
    (
        "no_value",
        "6:6",
        "seed must be a whole number of at least 0, not nothing",
        "give it a value or remove the key",
    ),
    ("not_a_map", "1:1", "the spec must be a map of keys, not a list", None),
    ("not_a_number", "6:10", 'samples must be a whole number of at least 1, not "three"', None),
    ("not_finite", "5:15", ".inf is not a finite number", "quote it if it is meant as text"),
    (
        "number_for_text",
        "2:7",
        (
            "name must be 1 to 64 letters, digits, dots, dashes and underscores that start with a "
            "letter or digit, not 7"
        ),
        "put it in quotes",
    ),
    (
        "result_elsewhere",
        "12:30",
        "evaluate does not finish the trajectory, so it has no result",
        "move it to the finish state",
    ),
    (
        "runtime_without_evaluate",
        "6:29",
        "no state can produce runtime, as the machine has no evaluate state",
        "remove it, or add a state with `do: evaluate`",
    ),
    (
        "state_name",
        "14:5",
        '"2nd" can\'t be a key of machine.states',
        "a key there is up to 64 letters, digits, dashes and underscores that start with a letter",
    ),
    (
        "tab_indent",
        "7:1",
        ("not valid YAML: while scanning for the next token, found character that cannot start any token"),
        "indent with spaces, not tabs",
    ),
    ("tag", "6:7", "tags such as !!python/int are not part of specs", "remove it"),
    ("two_documents", "6:1", "a second document starts here", "a file holds one spec; split it"),
    (
        "unclosed_flow",
        "6:1",
        "not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'",
        None,
    ),
    (
        "uncovered_outcomes",
        "12:30",
        "evaluate does not cover crashed, timed_out, rejected",
        "say where each leads, or add otherwise",
    ),
    (
        "unknown_action",
        "11:17",
        ('machine.states.build.do must be one of begin_turn, generate, build, evaluate, finish, not "compile"'),
        None,
    ),
    ("unknown_alias", "6:10", "the alias *before has no anchor before it", "an alias repeats an earlier value"),
    ("unknown_budget", "7:3", "budget has no key minutes", "its keys are turns, tokens, usd, wall, device"),
    ("unknown_key", "6:1", "the spec has no key contxt", "did you mean context?"),
    ("unknown_outcome", "10:35", "the action generate has no outcome candidte", "did you mean candidate?"),
    (
        "unknown_start",
        "7:10",
        "the start state begin does not exist",
        "the states are turn, generate, build, evaluate, finish",
    ),
    (
        "unknown_target",
        "10:46",
        "candidate of generate leads to biuld, which does not exist",
        "did you mean build?",
    ),
    ("unreachable_state", "14:5", "no path from turn reaches again", "lead an outcome to it, or remove it"),
    (
        "useless_otherwise",
        "10:68",
        "otherwise of generate covers nothing, as every outcome is named",
        "remove it",
    ),
    ("version", "1:9", "caesar must be 1, the version of this language, not 2", None),
]


def problems_of(name: str) -> tuple[Defect, ...]:
    with pytest.raises(SpecError) as caught:
        load((SPECS / f"{name}.yaml").read_text(encoding="utf-8"), file=name)
    return caught.value.problems


@pytest.mark.parametrize(("name", "place", "message", "hint"), DEFECTS, ids=[row[0] for row in DEFECTS])
def test_a_defect_is_told_at_its_place_with_a_hint(name, place, message, hint):
    line, column = map(int, place.split(":"))

    found = problems_of(name)

    assert (Defect(name, line, column, message, hint),) == found


def test_every_file_with_a_defect_is_expected():
    assert {row[0] for row in DEFECTS} | {"several"} == {path.stem for path in SPECS.glob("*.yaml")}


def test_all_problems_are_told_at_once_in_the_order_of_the_file():
    places = [(problem.line, problem.column) for problem in problems_of("several")]

    assert [(6, 1), (7, 18), (9, 10), (14, 35), (14, 59)] == places


def test_an_error_is_a_line_for_each_problem_as_compilers_write_them():
    error = SpecError((Defect("b.yaml", 2, 7, "x is wrong"), Defect("b.yaml", 1, 9, "y is wrong", "write z")))

    assert "b.yaml:1:9: y is wrong; write z\nb.yaml:2:7: x is wrong" == str(error)


def test_equal_problems_are_told_once():
    problem = Defect("b.yaml", 1, 1, "x is wrong")

    assert (problem,) == SpecError([problem, problem]).problems


def test_text_of_the_spec_never_breaks_the_line_of_its_problem():
    text = 'caesar: 1\nname: "a\\nb"\nproblems: starter\nmodel: m\nbudget: {turns: 1}\n"k\\ney": 1\n'

    with pytest.raises(SpecError) as caught:
        load(text, file="x")

    assert 2 == len(str(caught.value).splitlines())
