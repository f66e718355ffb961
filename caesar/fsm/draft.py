"""A machine as its author wrote it: states, actions and targets with their places, not yet trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from caesar.domain import Action, Outcome, Task
from caesar.fsm.defects import Place
from caesar.fsm.document import Node

__all__ = ["OTHERWISE", "Draft", "DraftState", "Target", "draft_of"]

OTHERWISE = "otherwise"
"""Stands in `on` for every outcome that is not named there."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an outcome leads."""

    state: str
    """The name as written; there may be no such state."""
    at: Place
    outcome_at: Place


@dataclass(frozen=True, slots=True)
class DraftState:
    """A state as written."""

    name: str
    at: Place
    action: Action
    on: Mapping[str, Target]
    """By the words in `on`: outcomes of the action, `otherwise`, or neither."""
    on_at: Place | None
    """None where there is no `on`."""
    result: str | None
    result_at: Place | None

    @property
    def targets(self) -> Mapping[Outcome, Target]:
        """Where each covered outcome of the action leads, `otherwise` resolved, in the action's order."""
        fallback = self.on.get(OTHERWISE)
        found = ((outcome, self.on.get(outcome, fallback)) for outcome in self.action.outcomes)
        return {outcome: target for outcome, target in found if target is not None}


@dataclass(frozen=True, slots=True)
class Draft:
    """A machine as written, with the feedback its prompts are to show."""

    start: str
    start_at: Place
    states: Mapping[str, DraftState]
    states_at: Place
    show: tuple[tuple[str, Place], ...]
    """The feedback the author asked for by name; empty where the default holds."""

    @property
    def first(self) -> DraftState | None:
        """The state a trajectory starts in; None where there is none of that name."""
        return self.states.get(self.start)

    def after(self, state: DraftState) -> Iterator[tuple[Outcome, DraftState]]:
        """The states that exist and that the outcomes of a state lead to."""
        for outcome, target in state.targets.items():
            if target.state in self.states:
                yield outcome, self.states[target.state]


def draft_of(machine: Node, *, show: Node | None, task: Task) -> Draft:
    """The machine that a document holds, which the schema has found to have the right shape."""
    start, states = machine.entries["start"], machine.entries["states"]
    return Draft(
        start=str(start.value),
        start_at=start.at,
        states={name: _state(name, node, task) for name, node in states.entries.items()},
        states_at=states.place,
        show=_words(show),
    )


def _state(name: str, node: Node, task: Task) -> DraftState:
    on, result = node.entries.get("on"), node.entries.get("result")
    return DraftState(
        name=name,
        at=node.place,
        action=task.actions[str(node.entries["do"].value)],
        on={word: _target(target) for word, target in on.entries.items()} if on else {},
        on_at=on.place if on else None,
        result=str(result.value) if result else None,
        result_at=result.place if result else None,
    )


def _target(node: Node) -> Target:
    return Target(str(node.value), node.at, node.place)


def _words(show: Node | None) -> tuple[tuple[str, Place], ...]:
    items = show.value if show else ()
    return tuple((str(item.value), item.at) for item in items) if isinstance(items, tuple) else ()
