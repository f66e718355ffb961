"""YAML text as a tree in which every value knows its place, read more strictly than PyYAML does.

Scalars follow YAML 1.2's core schema: `on`, `yes` and `no` are text, 1e-4 is a number. Duplicate
keys, tags, merge keys, several documents and control characters are defects. Size, depth, values
and aliases are bounded, so that no text can take much time or memory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn, Protocol

import yaml

from caesar.fsm.defects import Defect, Place, SpecError, named, shown

__all__ = ["Node", "Scalar", "parse", "plain"]

Scalar = str | int | float | bool | None

_MAX_CHARACTERS = 1_000_000
_MAX_DEPTH = 32
_MAX_VALUES = 20_000
_MAX_ALIASES = 100
_LARGEST_INTEGER = 2**63 - 1

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_WORDS: Mapping[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document and its place."""

    value: Scalar | tuple[Node, ...] | Mapping[str, Node]
    at: Place
    """Where the value begins."""
    key_at: Place | None = None
    """Where its key begins, for a value in a map."""

    @property
    def place(self) -> Place:
        """Where to point for the whole entry: at its key, if it has one."""
        return self.key_at or self.at

    @property
    def entries(self) -> Mapping[str, Node]:
        """The values of a map by key; empty for anything else."""
        return self.value if isinstance(self.value, Mapping) else {}

    def find(self, path: tuple[str | int, ...]) -> Node | None:
        """The value that keys and indices lead to; None where they lead to nothing."""
        node: Node | None = self
        for step in path:
            node = _below(node, step) if node else None
        return node


def parse(text: str, *, file: str) -> Node:
    """The one document that a text holds; SpecError, with the place, where it is not one."""
    if len(text) > _MAX_CHARACTERS:
        message = f"the file is longer than {_MAX_CHARACTERS} characters"
        raise SpecError((Place(file, 1, 1).defect(message, "a spec is a page or two"),))
    text = text.removeprefix("\ufeff")
    if bad := _FORBIDDEN.search(text):
        raise SpecError((_control_character(text, at=bad.start(), file=file),))
    try:
        return _Composer(file, yaml.parse(text, Loader=_LOADER)).document()
    except yaml.MarkedYAMLError as error:
        raise SpecError((_not_yaml(error, text, file=file),)) from error


def plain(node: Node) -> object:
    """The value without its places: dicts, lists and scalars."""
    match node.value:
        case Mapping() as entries:
            return {key: plain(value) for key, value in entries.items()}
        case tuple() as items:
            return [plain(item) for item in items]
        case scalar:
            return scalar


class _Mark(Protocol):
    """What PyYAML's two parsers call a place: line and column from 0."""

    line: int
    column: int


class _Composer:
    """Builds the tree from the parser's events; defects that leave the tree readable are collected."""

    def __init__(self, file: str, events: Iterator[yaml.Event]) -> None:
        self._file = file
        self._events = events
        self._anchors: dict[str, Node] = {}
        self._aliases = 0
        self._values = 0
        self._problems: list[Defect] = []

    def document(self) -> Node:
        next(self._events)
        first = next(self._events)
        if isinstance(first, yaml.StreamEndEvent):
            self._fail(Place(self._file, 1, 1), "the file is empty", "a spec starts with `caesar: 1`")
        root = self._node(next(self._events), depth=1)
        next(self._events)
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._fail(self._place(after), "a second document starts here", "a file holds one spec; split it")
        if self._problems:
            raise SpecError(self._problems)
        return root

    def _node(self, event: yaml.Event, *, depth: int) -> Node:
        place = self._place(event)
        self._count(1, place, depth=depth)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, place, depth=depth)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        self._refuse_tag(event, place)
        match event:
            case yaml.ScalarEvent():
                node = Node(self._scalar(event, place), place)
            case yaml.MappingStartEvent():
                node = Node(self._map(depth=depth), place)
            case _:
                node = Node(tuple(self._items(depth=depth)), place)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _map(self, *, depth: int) -> Mapping[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            place = self._place(event)
            key = self._key(event, place)
            if key in entries:
                before = entries[key].place.line
                self._note(
                    place, f"the key {named(key)} stands twice in this map, first in line {before}", "keep one"
                )
            entries[key] = replace(self._node(next(self._events), depth=depth + 1), key_at=place)
        return entries

    def _items(self, *, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth=depth + 1)

    def _key(self, event: yaml.Event, place: Place) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._fail(place, "a key is a list, a map or an alias", "keys are text")
        self._refuse_tag(event, place)
        if event.value == "<<" and event.implicit[0]:
            self._note(place, "merge keys are not part of specs", "write the keys out")
        self._refuse_control_characters(event.value, place)
        return str(event.value)

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Scalar:
        if not event.implicit[0]:
            self._refuse_control_characters(event.value, place)
            return str(event.value)
        try:
            return _resolve(event.value)
        except ValueError as error:
            self._note(place, f"{named(event.value)} is {error}", "quote it if it is meant as text")
            return None

    def _alias(self, event: yaml.AliasEvent, place: Place, *, depth: int) -> Node:
        self._aliases += 1
        if self._aliases > _MAX_ALIASES:
            self._fail(place, f"the file has more than {_MAX_ALIASES} aliases", "write the values out")
        target = self._anchors.get(str(event.anchor))
        if target is None:
            self._fail(
                place, f"the alias *{event.anchor} has no anchor before it", "an alias repeats an earlier value"
            )
        values, height = _extent(target)
        self._count(values - 1, place, depth=depth + height - 1)
        return replace(target, key_at=None)

    def _count(self, values: int, place: Place, *, depth: int) -> None:
        self._values += values
        if depth > _MAX_DEPTH:
            self._fail(place, f"values are nested more than {_MAX_DEPTH} deep", "no spec needs that")
        if self._values > _MAX_VALUES:
            self._fail(
                place, f"the file holds more than {_MAX_VALUES} values, aliases expanded", "no spec needs that"
            )

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, place: Place) -> None:
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._note(place, f"tags such as {named(tag)} are not part of specs", "remove it")

    def _refuse_control_characters(self, value: str, place: Place) -> None:
        if _FORBIDDEN.search(value):
            self._note(place, f"the text {shown(value)} holds a control character", "remove its escape")

    def _place(self, event: yaml.Event) -> Place:
        return _place(event.start_mark, file=self._file)

    def _note(self, place: Place, message: str, hint: str) -> None:
        self._problems.append(place.defect(message, hint))

    def _fail(self, place: Place, message: str, hint: str) -> NoReturn:
        raise SpecError((*self._problems, place.defect(message, hint)))


def _below(node: Node, step: str | int) -> Node | None:
    match node.value, step:
        case Mapping() as entries, str():
            return entries.get(step)
        case tuple() as items, int():
            return items[step] if step < len(items) else None
        case _:
            return None


def _extent(node: Node) -> tuple[int, int]:
    """How many values a tree holds, and how deep it is."""
    children = node.value if isinstance(node.value, tuple) else node.entries.values()
    below = tuple(map(_extent, children))
    return 1 + sum(values for values, _ in below), 1 + max((height for _, height in below), default=0)


def _resolve(text: str) -> Scalar:
    """A plain scalar's value by YAML 1.2's core schema; ValueError for a number that can't be kept."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) or _BASED.fullmatch(text):
        return _integer(text)
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("not a finite number")
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("too large a number")
    return number


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    digits = text if base == 10 else text[2:]  # noqa: PLR2004 - the base of decimal numbers needs no name
    if len(digits.lstrip("+-0")) > len(str(_LARGEST_INTEGER)) + 3:
        raise ValueError("too large a number")
    number = int(digits, base)
    if abs(number) > _LARGEST_INTEGER:
        raise ValueError("too large a number")
    return number


def _place(mark: _Mark | None, *, file: str) -> Place:
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)


def _control_character(text: str, *, at: int, file: str) -> Defect:
    before = text[:at]
    place = Place(file, before.count("\n") + 1, at - before.rfind("\n"))
    return place.defect(f"the character U+{ord(text[at]):04X} may not stand in a spec", "remove it")


def _not_yaml(error: yaml.MarkedYAMLError, text: str, *, file: str) -> Defect:
    place = _place(error.problem_mark or error.context_mark, file=file)
    why = ", ".join(part for part in (error.context, error.problem) if part)
    return place.defect(f"not valid YAML: {why}", _indentation_hint(text, line=place.line))


def _indentation_hint(text: str, *, line: int | None) -> str | None:
    lines = text.splitlines()
    if line is None or line > len(lines):
        return None
    indent = lines[line - 1][: -len(lines[line - 1].lstrip()) or None]
    return "indent with spaces, not tabs" if "\t" in indent else None
