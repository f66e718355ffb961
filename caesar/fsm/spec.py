"""A spec: what one file says to run, as a value, and the ways into and out of that value.

The language is described by spec.schema.json; reading it goes through `document` (YAML), `overrides`,
`check` (the schema) and `lint` (the machine). Nothing here reads files but the schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any, cast

import msgspec

from caesar.domain import KERNELS, Context, Outcome
from caesar.effects import Backend, EvaluationSettings, Limits, ModelSettings
from caesar.errors import StoreError
from caesar.fsm.check import violations
from caesar.fsm.defects import Defect, SpecError
from caesar.fsm.document import parse, plain
from caesar.fsm.draft import Draft, DraftState, draft_of
from caesar.fsm.lint import lint
from caesar.fsm.overrides import node_of, overridden

__all__ = [
    "Budget",
    "Concurrency",
    "Defect",
    "ProblemSelection",
    "Spec",
    "SpecError",
    "StateSpec",
    "difference",
    "from_resolved",
    "identity",
    "load",
    "resolved",
    "schema",
]

_LANGUAGE = 1
_ABSENT = object()
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_DURATIONS = {"wall": "wall_s", "device": "device_s", "build": "build_s", "evaluate": "evaluate_s"}
_FREE = (
    ("name",),
    ("about",),
    ("concurrency",),
    ("samples",),
    ("problems", "ids"),
    ("problems", "limit"),
    ("budget", "turns"),
)
"""What may differ between two commands that mean the same run."""


@dataclass(frozen=True, slots=True)
class ProblemSelection:
    """Which problems of which suite."""

    suite: str
    """starter, kernelbench/level1, a folder's or file's path, or hub/level1."""
    ids: tuple[str, ...] | None = None
    """Single ids and inclusive ranges ("10-20"), as written; None for all."""
    limit: int | None = None
    """At most so many, in the suite's order."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one trajectory may spend; None is no limit. Checked where a turn would begin."""

    turns: int | None = None
    tokens: int | None = None
    usd: float | None = None
    wall_s: float | None = None
    device_s: float | None = None
    """Seconds of leased device time; waiting for a device is not counted."""


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How much goes on at once in one process; None lets the engine choose by the machine."""

    trajectories: int | None = None
    models: int | None = None
    builds: int | None = None
    devices: int | None = None


@dataclass(frozen=True, slots=True)
class StateSpec:
    """One state: its action and where each outcome leads."""

    name: str
    action: str
    on: Mapping[Outcome, str]
    """Every outcome of the action, `otherwise` resolved, to a state's name."""
    result: str | None = None
    """best or last, for a finish state; None elsewhere."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A resolved spec: defaults filled in, overrides applied, checked."""

    name: str
    about: str
    problems: ProblemSelection
    samples: int
    seed: int
    model: ModelSettings
    budget: Budget
    evaluation: EvaluationSettings
    context: Context
    limits: Limits
    concurrency: Concurrency
    start: str
    states: Mapping[str, StateSpec]
    backend: Backend | None = None
    """None for auto: the engine takes cuda where there is a GPU, else cpu."""
    examples: str = "builtin"
    """Whose one-shot example the prompt shows: builtin or none."""


def load(text: str, *, file: str, overrides: Mapping[str, object] = MappingProxyType({})) -> Spec:
    """The spec that a text holds, checked; SpecError with every problem found where it can't be run.

    `overrides` maps dotted keys (budget.turns) to plain values, applied before anything is checked;
    None removes a key. `file` only names the text in messages.
    """
    language = schema()
    root, refused = overridden(parse(text, file=file), overrides)
    found = violations(root, language)
    broken = {violation.path[:1] for violation in found}
    problems = (*refused, *(violation.problem for violation in found))
    if not isinstance(root.value, Mapping) or ("machine",) in broken:
        raise SpecError(problems)
    defaults = _defaults(language)
    machine = root.entries.get("machine") or node_of(defaults["machine"], root.at)
    show = None if ("context",) in broken else root.find(("context", "show"))
    draft = draft_of(machine, show=show, task=KERNELS)
    problems += lint(draft)
    if problems:
        raise SpecError(problems)
    return msgspec.convert(_fields(defaults | cast("dict[str, Any]", plain(root)), draft), Spec)


def schema() -> dict[str, Any]:
    """The language's JSON Schema, draft 2020-12."""
    text = resources.files("caesar.fsm").joinpath("spec.schema.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def resolved(spec: Spec) -> dict[str, Any]:
    """The spec as plain data that JSON holds, nothing left out; equal specs give equal data."""
    fields = cast("dict[str, Any]", msgspec.json.decode(msgspec.json.encode(spec)))
    return {"caesar": _LANGUAGE, **fields}


def from_resolved(data: Mapping[str, Any]) -> Spec:
    """The spec that `resolved` made the data of; StoreError where it made no such data.

    A key that an older program did not know yet has its default, which always means what was done before.
    """
    try:
        spec = msgspec.convert(data, Spec)
    except msgspec.ValidationError as error:
        raise StoreError(f"a pinned spec can't be read: {error}; use the Caesar that wrote it") from error
    known = resolved(spec)
    lost = {key for key, value in _leaves(data) if dict(_leaves(known)).get(key, _ABSENT) != value}
    if lost:
        changes = "; ".join(line for line in difference(data, known) if line.partition(":")[0] in lost)
        raise StoreError(f"a pinned spec is not of this version ({changes}); use the Caesar that wrote it")
    return spec


def identity(spec: Spec) -> dict[str, Any]:
    """The part of the resolved spec that is equal for two commands that mean the same run."""
    data = resolved(spec)
    for *above, key in _FREE:
        (data[above[0]] if above else data).pop(key)
    return data


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """What differs between two plain data, a line for each dotted key: `model.temperature: 0.2 -> 0.7`."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    return tuple(
        f"{key}: {_told(before, key)} -> {_told(after, key)}"
        for key in sorted({*before, *after})
        if _told(before, key) != _told(after, key)
    )


def _leaves(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, object]]:
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _told(leaves: Mapping[str, object], key: str) -> str:
    value = leaves.get(key)
    if value is None:
        return "absent"
    return value if isinstance(value, str) and value.strip() else json.dumps(value, ensure_ascii=False)


def _defaults(language: Mapping[str, Any]) -> dict[str, Any]:
    """What the schema gives for each key that may be left out of a spec."""
    definitions = {f"#/$defs/{name}": definition for name, definition in language["$defs"].items()}
    keys = {
        key: {**definitions.get(rule.get("$ref"), {}), **rule} for key, rule in language["properties"].items()
    }
    return {key: rule["default"] for key, rule in keys.items() if "default" in rule}


def _fields(data: Mapping[str, Any], draft: Draft) -> dict[str, Any]:
    """The data of a checked document by the names, units and forms that the values have."""
    problems, backend = data["problems"], data["backend"]
    ids = {"ids": [str(item) for item in problems["ids"]]} if "ids" in problems else {}
    return {
        **data,
        "problems": {**problems, **ids},
        "budget": _in_seconds(data["budget"]),
        "limits": _in_seconds(data["limits"]),
        "backend": None if backend == "auto" else backend,
        "start": draft.start,
        "states": {name: _state(state) for name, state in draft.states.items()},
    }


def _in_seconds(limits: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _DURATIONS.get(key, key): _seconds(value) if key in _DURATIONS else value
        for key, value in limits.items()
    }


def _seconds(duration: str | float) -> float:
    if isinstance(duration, str):
        return float(duration[:-1]) * _SECONDS[duration[-1]]
    return float(duration)


def _state(state: DraftState) -> dict[str, Any]:
    on = {str(outcome): target.state for outcome, target in state.targets.items()}
    result = None if state.action.outcomes else state.result or "best"
    return {"name": state.name, "action": state.action.name, "on": on, "result": result}
