"""Values given beside a spec's file: dotted keys that replace what the file says.

They are applied before anything is checked, so that a file and an override are held to the same
rules; what is wrong with an override is reported at `--set KEY`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from caesar.fsm.defects import Defect, Place, SpecError, shown
from caesar.fsm.document import Node, parse, plain

__all__ = ["long_form", "node_of", "overridden", "setting"]

_SHORT_FORMS = {"problems": "suite", "model": "name"}
"""Keys that may be given as text, and the key that the text stands for."""


def setting(assignment: str) -> tuple[str, object]:
    """The key and the value of `KEY=VALUE`, the value read by a spec's own rules; SpecError otherwise."""
    key, equals, text = assignment.partition("=")
    place = Place(f"--set {key}")
    if not equals:
        raise SpecError((place.defect("an override has no value", f"write it as {key}=VALUE"),))
    return key, plain(parse(text, file=place.file)) if text.strip() else None


def long_form(root: Node) -> Node:
    """The document with `model: NAME` and `problems: SUITE` written out as maps."""
    entries = dict(root.entries)
    for key, inner in _SHORT_FORMS.items():
        node = entries.get(key)
        if node is not None and isinstance(node.value, str):
            entries[key] = replace(node, value={inner: replace(node, key_at=None)})
    return replace(root, value=entries) if entries else root


def overridden(root: Node, overrides: Mapping[str, object]) -> tuple[Node, tuple[Defect, ...]]:
    """The document in its long form with the overrides applied in order, and those that can't be.

    An override with the value None removes its key, so that the default holds.
    """
    root = long_form(root)
    problems: list[Defect] = []
    for key, value in overrides.items():
        try:
            root = long_form(_overridden(root, key, value))
        except SpecError as error:
            problems.extend(error.problems)
    return root, tuple(problems)


def node_of(value: object, place: Place) -> Node:
    """Plain data as a document whose every value is at one place; SpecError for what no spec can hold."""
    match value:
        case Mapping():
            entries = {str(key): replace(node_of(item, place), key_at=place) for key, item in value.items()}
            return Node(entries, place)
        case list() | tuple():
            return Node(tuple(node_of(item, place) for item in value), place)
        case float() if not math.isfinite(value):
            raise SpecError((place.defect(f"{value} is not a finite number", "give a number"),))
        case str() | int() | float() | None:
            return Node(value, place)
        case _:
            message = f"a spec can't hold a value of the type {type(value).__name__}"
            raise SpecError((place.defect(message, "give text, a number, true, false, a list or a map"),))


def _overridden(root: Node, key: str, value: object) -> Node:
    place = Place(f"--set {key}")
    steps = key.split(".")
    if not all(steps):
        raise SpecError((place.defect(f"{shown(key)} is not a dotted key", "write it as in budget.turns"),))
    new = None if value is None else node_of(value, place)
    return _with(root, steps, new, place=place)


def _with(node: Node | None, steps: Iterable[str], new: Node | None, *, place: Place) -> Node:
    """The map with the value at the end of the steps replaced, or removed where there is no new one."""
    if node is None or node.value is None:
        node = Node({}, place, place)
    if not isinstance(node.value, Mapping):
        raise SpecError(
            (place.defect("a key before the last is not a map in the file", "override that key whole"),)
        )
    step, *rest = steps
    entries = dict(node.value)
    if rest:
        entries[step] = _with(entries.get(step), rest, new, place=place)
    elif new is None:
        entries.pop(step, None)
    else:
        entries[step] = replace(new, key_at=place)
    return replace(node, value=entries)
