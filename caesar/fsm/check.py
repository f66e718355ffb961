"""Holds a document to the language's JSON Schema and says, for people, where it departs from it.

What jsonschema reports never reaches a person as it is: every error becomes a sentence at the place
of the value it is about. A schema's `title` is the noun phrase that completes "X must be ...".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from caesar.fsm.defects import Defect, meant, named, shown
from caesar.fsm.document import Node, plain

__all__ = ["Violation", "violations"]

Path = tuple[str | int, ...]

_LATER: Mapping[str, tuple[str, ...]] = {
    "": ("matrix", "extends", "models", "contexts", "templates", "guards"),
    "backend": ("triton",),
    "budget": ("run",),
    "context": ("since", "templates"),
    "context.history": ("best",),
    "context.show": ("crash", "findings", "torch_profile", "ncu", "roofline", "advice"),
    "examples": ("kernelbench",),
    "limits": ("memory", "profile"),
    "machine.states.*": ("context", "model", "n", "parents"),
    "machine.states.*.do": ("profile",),
}
"""What the language is to have and this version has not: keys and words, by where they would stand."""

_LATER_FORMS: Mapping[str, tuple[type, str]] = {
    "context.history": (dict, "a history with a number of turns"),
    "machine.states.*.on.*": (list, "a list of guarded targets"),
}
"""Likewise, values of another form."""

_EXAMPLES = {
    "caesar": "caesar: 1",
    "budget": "budget: {turns: 4}",
    "do": "do: generate",
    "problems": "problems: starter",
}
_SIZES = ("minItems", "minProperties", "maxProperties")
_NOT_YET = "is not available in this version"
_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Violation:
    """A departure from the schema, and which value departs."""

    path: Path
    """Keys and indices from the root."""
    problem: Defect


def violations(root: Node, schema: Mapping[str, Any]) -> tuple[Violation, ...]:
    """Every departure of a document from the schema; none where it can be taken as it is."""
    # Costs 170 ms, which only commands that read a spec have to pay.
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415 - see above

    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: _is_integer(value))
    validator = cast("Any", validators).extend(Draft202012Validator, type_checker=checker)(schema)
    found = [found for error in validator.iter_errors(plain(root)) for found in _of(error, root)]
    return tuple(dict.fromkeys((*found, *_backward_ranges(root))))


def _is_integer(value: object) -> bool:
    """Leaves out 3.0, which JSON Schema takes for an integer, and True, which Python does."""
    return isinstance(value, int) and not isinstance(value, bool)


def _of(error: Any, root: Node) -> Iterator[Violation]:
    path = tuple(error.absolute_path)
    node = root.find(path) or root
    match error.validator:
        case "anyOf" if branch := _branch(error):
            for inner in branch:
                yield from _of(inner, root)
        case "additionalProperties":
            yield from _unknown_keys(error, node, path)
        case "required":
            yield from _missing_keys(error, node, path)
        case _ if "propertyNames" in error.absolute_schema_path:
            yield _bad_key(error, node, path)
        case _:
            yield Violation(path, node.at.defect(*_bad_value(error, path)))


def _bad_value(error: Any, path: Path) -> tuple[str, str | None]:
    match error.validator:
        case "enum":
            return _not_a_choice(error, path)
        case "minProperties" if path == ("budget",):
            return "the budget is empty, so nothing would end a trajectory", "give it turns: 4"
        case "uniqueItems":
            return f"{_where(path)} names something twice", "keep one"
        case _:
            return _not_as_titled(error, path)


def _branch(error: Any) -> Sequence[Any]:
    """The errors of the one map among the alternatives, where the value is a map."""
    if not isinstance(error.instance, dict):
        return ()
    return [inner for inner in error.context if inner.validator != "type" or inner.path]


def _unknown_keys(error: Any, node: Node, path: Path) -> Iterator[Violation]:
    known = error.schema["properties"]
    for key in (key for key in error.instance if key not in known):
        message = f"{_where(path)} has no key {named(key)}"
        hint = meant(key, known) or f"its keys are {', '.join(known)}"
        if key in _LATER.get(_location(path), ()):
            message, hint = f"the key {key} {_NOT_YET}", "remove it"
        yield Violation((*path, key), node.entries[key].place.defect(message, hint))


def _missing_keys(error: Any, node: Node, path: Path) -> Iterator[Violation]:
    """One for each missing key; jsonschema reports each by itself, so equal ones are merged later."""
    for key in (key for key in error.validator_value if key not in error.instance):
        why = ", so nothing would end a trajectory" if key == "budget" else ""
        message, hint = f"{_where(path)} has no {key}{why}", f"add `{_EXAMPLES.get(key, f'{key}: ...')}`"
        yield Violation(path, node.place.defect(message, hint))


def _not_a_choice(error: Any, path: Path) -> tuple[str, str | None]:
    location, value = _location(path), error.instance
    if isinstance(value, str) and value in _LATER.get(location, ()):
        return f"{value} {_NOT_YET} ({_where(path)})", f"choose one of {_listed(error.validator_value)}"
    if later := _later_form(location, value):
        return later, f"choose one of {_listed(error.validator_value)}"
    message = f"{_where(path)} must be one of {_listed(error.validator_value)}, not {shown(value)}"
    return message, meant(value, error.validator_value) if isinstance(value, str) else None


def _bad_key(error: Any, node: Node, path: Path) -> Violation:
    key = str(error.instance)
    place = node.entries[key].place
    if error.validator == "not":
        hint = error.schema["description"]
        return Violation((*path, key), place.defect(f"{key} may not stand in {_where(path)}", hint))
    message = f"{shown(key)} can't be a key of {_where(path)}"
    return Violation((*path, key), place.defect(message, f"a key there is {error.schema['title']}"))


def _not_as_titled(error: Any, path: Path) -> tuple[str, str | None]:
    value = error.instance
    if later := _later_form(_location(path), value):
        return later, "name one state"
    got = f"one of {len(value)}" if error.validator in _SIZES else shown(value)
    return f"{_where(path)} must be {_title(error)}, not {got}", _form_hint(value, error)


def _title(error: Any) -> str:
    """The title of the schema the value fails, or of the nearest alternative it belongs to."""
    return str(error.schema.get("title") or _title(error.parent))


def _form_hint(value: object, error: Any) -> str | None:
    if value is None:
        return "give it a value or remove the key"
    if error.validator == "type" and error.validator_value == "string" and not isinstance(value, dict | list):
        return "put it in quotes"
    return None


def _later_form(location: str, value: object) -> str | None:
    form, what = _LATER_FORMS.get(location, (type(None), ""))
    return f"{what} {_NOT_YET}" if what and isinstance(value, form) else None


def _backward_ranges(root: Node) -> Iterator[Violation]:
    ids = root.find(("problems", "ids"))
    for index, item in enumerate(ids.value if ids and isinstance(ids.value, tuple) else ()):
        found = _RANGE.fullmatch(item.value) if isinstance(item.value, str) else None
        if found and int(found[1]) > int(found[2]):
            problem = item.at.defect(f"the range {item.value} runs backwards", f"write {found[2]}-{found[1]}")
            yield Violation(("problems", "ids", index), problem)


def _location(path: Path) -> str:
    """The path as the tables above write it: without indices, with * for the author's own names."""
    keys = [step for step in path if isinstance(step, str)]
    if keys[:2] == ["machine", "states"]:
        keys[2:3] = ["*"] * len(keys[2:3])
        keys[4:5] = ["*"] * len(keys[4:5])
    return ".".join(keys)


def _where(path: Path) -> str:
    """The path as people write it: budget.turns, problems.ids[1]."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{named(step)}" for step in path)
    return "".join(steps).removeprefix(".") or "the spec"


def _listed(words: Iterable[object]) -> str:
    return ", ".join(map(str, words))
