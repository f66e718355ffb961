"""What can be wrong with a machine whose shape is right: names, coverage, and where paths lead.

Pure functions over a draft; every problem is found, and those of paths are looked for once every
outcome leads to a state, because a misspelt name would make half a machine look unreachable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from caesar.domain import KERNELS, Feedback
from caesar.fsm.defects import Defect, meant, named, nearest
from caesar.fsm.draft import OTHERWISE, Draft, DraftState

__all__ = ["lint"]

_BEGIN, _FINISH = "begin_turn", "finish"
_SPENT = "exhausted"
"""The outcome by which a budget ends a trajectory: once spent, every later turn is refused as well."""

_Graph = Mapping[str, tuple[str, ...]]


def lint(draft: Draft) -> tuple[Defect, ...]:
    """Everything wrong with a machine; nothing where it can be run."""
    problems = _all(_STRUCTURE, draft)
    if not problems:
        problems = (*_unreached(draft), *_all(_PATHS, _reached(draft)))
    return (*problems, *_all(_ASIDE, draft))


def _all(rules: Iterable[Callable[[Draft], Iterator[Defect]]], draft: Draft) -> tuple[Defect, ...]:
    return tuple(problem for rule in rules for problem in rule(draft))


def _start_exists(draft: Draft) -> Iterator[Defect]:
    if draft.first is None:
        hint = meant(draft.start, draft.states) or f"the states are {', '.join(draft.states)}"
        yield draft.start_at.defect(f"the start state {named(draft.start)} does not exist", hint)


def _targets_exist(draft: Draft) -> Iterator[Defect]:
    for state in draft.states.values():
        for word, target in state.on.items():
            if target.state not in draft.states:
                hint = meant(target.state, draft.states) or f"the states are {', '.join(draft.states)}"
                message = f"{named(word)} of {state.name} leads to {named(target.state)}, which does not exist"
                yield target.at.defect(message, hint)


def _outcomes_are_known(draft: Draft) -> Iterator[Defect]:
    for state in _working(draft):
        for word in _unknown_outcomes(state):
            message = f"the action {state.action.name} has no outcome {named(word)}"
            hint = (
                meant(word, (*state.action.outcomes, OTHERWISE)) or f"it has {', '.join(state.action.outcomes)}"
            )
            yield state.on[word].outcome_at.defect(message, hint)


def _outcomes_are_covered(draft: Draft) -> Iterator[Defect]:
    """Apart from those that a misspelt outcome stands for: telling of that one is enough."""
    for state in _working(draft):
        misspelt = {nearest(word, state.action.outcomes) for word in _unknown_outcomes(state)}
        covered = misspelt | set(state.targets)
        missing = [outcome for outcome in state.action.outcomes if outcome not in covered]
        if missing:
            message = f"{state.name} does not cover {', '.join(missing)}"
            yield (state.on_at or state.at).defect(message, "say where each leads, or add otherwise")


def _unknown_outcomes(state: DraftState) -> tuple[str, ...]:
    return tuple(word for word in state.on if word not in (*state.action.outcomes, OTHERWISE))


def _some_state_finishes(draft: Draft) -> Iterator[Defect]:
    if not any(state.action.name == _FINISH for state in draft.states.values()):
        yield draft.states_at.defect("no state finishes the trajectory", "add `finish: {do: finish}`")


def _otherwise_covers_something(draft: Draft) -> Iterator[Defect]:
    for state in _working(draft):
        fallback = state.on.get(OTHERWISE)
        if fallback and all(outcome in state.on for outcome in state.action.outcomes):
            message = f"otherwise of {state.name} covers nothing, as every outcome is named"
            yield fallback.outcome_at.defect(message, "remove it")


def _only_finish_has_a_result(draft: Draft) -> Iterator[Defect]:
    for state in draft.states.values():
        if state.action.name == _FINISH and state.on_at:
            message = f"{state.name} finishes the trajectory, so nothing comes after it"
            yield state.on_at.defect(message, "remove its on")
        if state.action.name != _FINISH and state.result_at:
            message = f"{state.name} does not finish the trajectory, so it has no result"
            yield state.result_at.defect(message, "move it to the finish state")


def _feedback_has_a_source(draft: Draft) -> Iterator[Defect]:
    actions = {state.action.name for state in draft.states.values()}
    for word, place in draft.show:
        source = _source(Feedback(word))
        if source is not None and source not in actions:
            message = f"no state can produce {word}, as the machine has no {source} state"
            yield place.defect(message, f"remove it, or add a state with `do: {source}`")


def _source(feedback: Feedback) -> str | None:
    """The action that feedback comes from; None for what every turn has."""
    return next((action.name for action in KERNELS.actions.values() if feedback in action.shows), None)


def _reached(draft: Draft) -> Draft:
    """The machine without the states that no path reaches, whose own paths don't matter."""
    reached = _reach(_graph(draft), draft.start)
    return replace(draft, states={name: state for name, state in draft.states.items() if name in reached})


def _unreached(draft: Draft) -> Iterator[Defect]:
    reached = _reach(_graph(draft), draft.start)
    for state in draft.states.values():
        if state.name not in reached:
            message = f"no path from {draft.start} reaches {state.name}"
            yield state.at.defect(message, "lead an outcome to it, or remove it")


def _every_path_can_finish(draft: Draft) -> Iterator[Defect]:
    stuck = _stuck(draft)
    if stuck:
        names = ", ".join(state.name for state in stuck)
        yield stuck[0].at.defect(
            f"no path leads from {names} to a finish state", "lead one of their outcomes there"
        )


def _stuck(draft: Draft) -> list[DraftState]:
    graph = _graph(draft)
    ends = {state.name for state in draft.states.values() if state.action.name == _FINISH}
    return [state for state in draft.states.values() if not ends & _reach(graph, state.name)]


def _every_cycle_begins_a_turn(draft: Draft) -> Iterator[Defect]:
    graph, seen = _within_a_turn(draft), set[str]()
    for state in _working(draft):
        cycle = None if state.name in seen else _path(graph, state.name, state.name)
        if cycle:
            seen.update(cycle)
            message = f"the cycle {_arrows(cycle)} never begins a turn, so no budget would end it"
            yield state.at.defect(message, "lead it through a begin_turn state")


def _a_spent_budget_ends_the_trajectory(draft: Draft) -> Iterator[Defect]:
    """No further turn can begin then, so what `exhausted` leads to must not come back to begin one.

    States that no path leads from to a finish are told of already.
    """
    stuck, told = {state.name for state in _stuck(draft)}, set[str]()
    for state in _working(draft):
        path = _spent_path(draft, state)
        if path[-1] in path[:-1] and not (told | stuck) & set(path):
            told.update(path)
            message = f"a spent budget would never end the trajectory: {_arrows(path)}"
            yield state.targets[_SPENT].at.defect(message, f"lead {_SPENT} to a finish state")


def _spent_path(draft: Draft, state: DraftState) -> tuple[str, ...]:
    """From a begin_turn state along `exhausted`, until it leaves such states or comes round again."""
    path = [state.name]
    while draft.states[path[-1]].action.name == _BEGIN and path[-1] not in path[:-1]:
        path.append(draft.states[path[-1]].targets[_SPENT].state)
    return tuple(path)


def _no_action_twice_in_a_turn(draft: Draft) -> Iterator[Defect]:
    """Cycles aside, which are a problem of their own."""
    graph = _within_a_turn(draft)
    for state in _working(draft):
        for before in _working(draft):
            path = _path(graph, before.name, state.name) if before.action == state.action else None
            if path and _path(graph, state.name, before.name) is None:
                message = f"{state.action.name} happens twice in one turn: {_arrows(path)}"
                yield state.at.defect(message, "lead there through a begin_turn state")
                break


def _actions_have_what_they_need(draft: Draft) -> Iterator[Defect]:
    told = set[str]()
    for visit in _visits(draft):
        need, name = visit.unmet, visit.state.name
        if need and name not in told:
            told.add(name)
            missing = KERNELS.actions[need]
            message = f"{name} is reached without {missing.gives}: {_arrows(visit.path)}"
            yield visit.state.at.defect(message, f"lead there only after {missing.success} of a {need} state")


@dataclass(frozen=True, slots=True)
class _Visit:
    """A state on some path, with what has succeeded before it."""

    state: DraftState
    done: frozenset[str]
    """The actions that have succeeded in the turn under way."""
    path: tuple[str, ...]
    """From the start to the state, both included."""

    @property
    def unmet(self) -> str | None:
        """The action that should have succeeded before this one; None where all is well."""
        need = self.state.action.needs
        return need if need not in self.done else None

    def after(self, outcome: str, state: DraftState) -> _Visit:
        """The visit of the state that an outcome leads to."""
        action = self.state.action
        done = frozenset[str]() if action.name == _BEGIN else self.done - {action.name}
        succeeded = frozenset({action.name} if outcome == action.success else ())
        return _Visit(state, done | succeeded, (*self.path, state.name))


def _visits(draft: Draft) -> Iterator[_Visit]:
    """Every path, shortest first, each state once for each set of what is done; unmet ones end there."""
    assert draft.first is not None
    ahead = deque([_Visit(draft.first, frozenset(), (draft.start,))])
    seen = set[tuple[str, frozenset[str]]]()
    while ahead:
        visit = ahead.popleft()
        if (visit.state.name, visit.done) in seen:
            continue
        seen.add((visit.state.name, visit.done))
        yield visit
        if visit.unmet is None:
            ahead.extend(visit.after(outcome, state) for outcome, state in draft.after(visit.state))


def _working(draft: Draft) -> Iterator[DraftState]:
    """The states that have outcomes."""
    return (state for state in draft.states.values() if state.action.name != _FINISH)


def _graph(draft: Draft) -> _Graph:
    return {
        name: tuple(dict.fromkeys(after.name for _, after in draft.after(state)))
        for name, state in draft.states.items()
    }


def _within_a_turn(draft: Draft) -> _Graph:
    """The graph without the steps that begin a turn."""
    begins = {state.name for state in draft.states.values() if state.action.name == _BEGIN}
    return {
        name: tuple(after for after in below if after not in begins) for name, below in _graph(draft).items()
    }


def _reach(graph: _Graph, start: str) -> frozenset[str]:
    """The state and all that some path from it leads to."""
    reached, ahead = {start}, [start]
    while ahead:
        new = set(graph[ahead.pop()]) - reached
        reached |= new
        ahead.extend(new)
    return frozenset(reached)


def _path(graph: _Graph, start: str, end: str) -> tuple[str, ...] | None:
    """A shortest path of at least one step, both ends included; None where there is none."""
    ahead, seen = deque[tuple[str, ...]]([(start,)]), set[str]()
    while ahead:
        path = ahead.popleft()
        for name in graph[path[-1]]:
            if name == end:
                return (*path, name)
            if name not in seen:
                seen.add(name)
                ahead.append((*path, name))
    return None


def _arrows(path: Iterable[str]) -> str:
    return " -> ".join(path)


_STRUCTURE = (
    _start_exists,
    _targets_exist,
    _outcomes_are_known,
    _outcomes_are_covered,
    _some_state_finishes,
)
"""Without these, paths mean nothing."""

_ASIDE = (_otherwise_covers_something, _only_finish_has_a_result, _feedback_has_a_source)
"""Independent of paths."""

_PATHS = (
    _every_path_can_finish,
    _every_cycle_begins_a_turn,
    _a_spent_budget_ends_the_trajectory,
    _no_action_twice_in_a_turn,
    _actions_have_what_they_need,
)
