"""Which machines are sound. The defects themselves are in specs/, one file each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caesar.domain import KERNELS
from caesar.fsm.defects import Place
from caesar.fsm.draft import Draft, draft_of
from caesar.fsm.lint import lint
from caesar.fsm.overrides import node_of

STANDARD = {
    "turn": {"do": "begin_turn", "on": {"begun": "generate", "exhausted": "finish"}},
    "generate": {"do": "generate", "on": {"candidate": "build", "no_code": "turn"}},
    "build": {"do": "build", "on": {"built": "evaluate", "otherwise": "turn"}},
    "evaluate": {"do": "evaluate", "on": {"otherwise": "turn"}},
    "finish": {"do": "finish"},
}
PHASES = {
    "turn": {"do": "begin_turn", "on": {"begun": "generate", "exhausted": "finish"}},
    "generate": {"do": "generate", "on": {"candidate": "build", "no_code": "turn"}},
    "build": {"do": "build", "on": {"built": "evaluate", "otherwise": "turn"}},
    "evaluate": {"do": "evaluate", "on": {"passed": "faster", "otherwise": "turn"}},
    "faster": {"do": "begin_turn", "on": {"begun": "refine", "exhausted": "finish"}},
    "refine": {"do": "generate", "on": {"candidate": "build", "no_code": "faster"}},
    "finish": {"do": "finish"},
}
NEEDS = {"generate": {"begun"}, "build": {"candidate"}, "evaluate": {"built"}}


def machine(**changes: dict[str, object]) -> Draft:
    states = {name: state for name, state in {**STANDARD, **changes}.items() if state}
    return draft(states, start="turn")


def draft(states: dict[str, object], *, start: str) -> Draft:
    node = node_of({"start": start, "states": states}, Place("x.yaml", 1, 1))
    return draft_of(node, show=None, task=KERNELS)


def messages(draft: Draft) -> list[str]:
    return [problem.message for problem in lint(draft)]


def test_the_standard_machine_is_sound():
    assert () == lint(machine())


@pytest.mark.parametrize(
    "changes",
    [
        {"evaluate": {"do": "evaluate", "on": {"passed": "finish", "otherwise": "turn"}}},
        {"build": {"do": "build", "on": {"otherwise": "turn"}}, "evaluate": {}},
        {"generate": {"do": "generate", "on": {"candidate": "build", "no_code": "finish"}}},
        {
            "evaluate": {"do": "evaluate", "on": {"passed": "faster", "otherwise": "turn"}},
            "faster": {"do": "begin_turn", "on": {"begun": "refine", "exhausted": "finish"}},
            "refine": {"do": "generate", "on": {"candidate": "build", "no_code": "faster"}},
        },
        {
            "generate": {"do": "generate", "on": {"candidate": "build", "no_code": "empty"}},
            "empty": {"do": "finish", "result": "last"},
        },
    ],
    ids=["stop at the first pass", "build only", "give up", "two phases sharing states", "two ends"],
)
def test_an_unusual_machine_may_be_sound(changes):
    assert () == lint(machine(**changes))


def test_an_empty_start_does_not_hide_other_names():
    wrong = replace(machine(evaluate={"do": "evaluate", "on": {"otherwise": "trn"}}), start="x")

    assert [
        "the start state x does not exist",
        "otherwise of evaluate leads to trn, which does not exist",
    ] == messages(wrong)


def test_a_misspelt_outcome_is_not_told_as_uncovered_too():
    wrong = machine(
        evaluate={"do": "evaluate", "on": {"pased": "turn", "incorrect": "turn", "crashed": "turn"}}
    )

    assert [
        "the action evaluate has no outcome pased",
        "evaluate does not cover timed_out, rejected",
    ] == messages(wrong)


def test_a_misspelt_target_does_not_make_its_state_unreachable():
    wrong = machine(generate={"do": "generate", "on": {"candidate": "biuld", "no_code": "turn"}})

    assert ["candidate of generate leads to biuld, which does not exist"] == messages(wrong)


def test_a_cycle_over_several_states_is_told_once_with_its_path():
    wrong = machine(
        build={"do": "build", "on": {"built": "evaluate", "otherwise": "turn"}},
        evaluate={"do": "evaluate", "on": {"passed": "turn", "otherwise": "generate"}},
    )

    expected = (
        "the cycle generate -> build -> evaluate -> generate never begins a turn, so no budget would end it"
    )
    assert [expected] == messages(wrong)


def test_an_action_twice_in_a_turn_is_told_with_the_path_between():
    wrong = machine(
        evaluate={"do": "evaluate", "on": {"passed": "again", "otherwise": "turn"}},
        again={"do": "evaluate", "on": {"otherwise": "turn"}},
    )

    assert ["evaluate happens twice in one turn: evaluate -> again"] == messages(wrong)


def test_a_candidate_of_the_turn_before_is_none_of_this_turn():
    wrong = machine(
        turn={"do": "begin_turn", "on": {"begun": "generate", "exhausted": "last"}},
        last={"do": "evaluate", "on": {"otherwise": "finish"}},
    )

    assert ["last is reached without a build that succeeded: turn -> last"] == messages(wrong)


@st.composite
def machines(draw) -> Draft:
    """The two-phase machine with up to three outcomes led elsewhere, so that many are sound and many not."""
    targets = {
        (name, outcome): target.state
        for name, state in draft(PHASES, start="turn").states.items()
        for outcome, target in state.targets.items()
    }
    elsewhere = st.dictionaries(st.sampled_from(sorted(targets)), st.sampled_from(sorted(PHASES)), max_size=3)
    targets |= draw(elsewhere)
    states = {
        name: {"do": state["do"], "on": {outcome: to for (at, outcome), to in targets.items() if at == name}}
        for name, state in PHASES.items()
    }
    return draft({**states, "finish": {"do": "finish"}}, start="turn")


def walks_are_sound(machine: Draft) -> bool:
    """What lint promises, checked the slow way: by walking everywhere with everything remembered."""
    ahead, seen = [(machine.start, frozenset(), frozenset())], set()
    while ahead:
        name, succeeded, acted = visit = ahead.pop()
        if visit in seen:
            continue
        seen.add(visit)
        state, action = machine.states[name], machine.states[name].action
        if action.name == "begin_turn":
            succeeded, acted = frozenset(), frozenset()
        if action.name in acted or not NEEDS.get(action.name, set()) <= succeeded:
            return False
        if action.name == "begin_turn" and not ends_when_spent(machine, name):
            return False
        for outcome, after in machine.after(state):
            ahead.append((after.name, succeeded | {outcome}, acted | {action.name}))
    return set(machine.states) == {name for name, *_ in seen} == finishing(machine)


def ends_when_spent(machine: Draft, name: str) -> bool:
    """Whether refusing every turn from here on leads out of the states that begin one."""
    for _ in machine.states:
        if machine.states[name].action.name != "begin_turn":
            return True
        name = machine.states[name].targets["exhausted"].state
    return machine.states[name].action.name != "begin_turn"


def finishing(machine: Draft) -> set[str]:
    """The states from which some path leads to a finish state."""
    names = {"finish"}
    for _ in machine.states:
        names |= {
            name
            for name, state in machine.states.items()
            if any(to.name in names for _, to in machine.after(state))
        }
    return names


@settings(max_examples=400)
@given(machines())
def test_a_machine_is_sound_exactly_where_no_walk_through_it_goes_wrong(machine):
    assert walks_are_sound(machine) == (lint(machine) == ())
