"""Every command, event kind and spec key is documented, and the documents point at what exists."""

import dataclasses
import json
import re
import typing
from pathlib import Path

import pytest
import typer

from caesar import events
from caesar.cli.main import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("analysis/*.md")])


def commands(command, path):
    """Every command that can be called, with the words that call it."""
    subcommands = getattr(command, "commands", None)
    if subcommands is None:
        yield path, command
        return
    for name, subcommand in sorted(subcommands.items()):
        yield from commands(subcommand, f"{path} {name}")


COMMANDS = dict(commands(typer.main.get_command(app), "caesar"))


def values(kind):
    """The dataclasses that a type is made of, itself included, events' nested values before all."""
    if dataclasses.is_dataclass(kind):
        yield kind
        for hint in typing.get_type_hints(kind).values():
            yield from values(hint)
    else:
        for part in typing.get_args(kind):
            yield from values(part)


NESTED = {
    value.__name__: value for event in events.kinds().values() for value in values(event) if value is not event
}


def paragraphs():
    """What docs/events.md says of each kind of event and each value, by its name."""
    text = (DOCS / "events.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^- \*\*`(\w+)`\*\* — (.+)$", text, flags=re.MULTILINE))


def keys(schema):
    """Every key that a JSON Schema names, at any depth."""
    if isinstance(schema, list):
        for part in schema:
            yield from keys(part)
    if not isinstance(schema, dict):
        return
    yield from schema.get("properties", {})
    for name, part in schema.items():
        named = name in {"properties", "$defs", "patternProperties"}
        yield from keys(list(part.values()) if named else part)


def spec_keys():
    schema = json.loads((ROOT / "caesar" / "fsm" / "spec.schema.json").read_text(encoding="utf-8"))
    return sorted(set(keys(schema)))


def anchors(page):
    """The anchors of a page's headings, as they are made on the web."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def links():
    """Every link of every page to a file of ours."""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", target):
                yield pytest.param(page, target, id=f"{page.name}-{target}")


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_documented(command):
    page = (DOCS / "cli.md").read_text(encoding="utf-8")

    assert re.search(rf"^#+ `?{re.escape(command)}\b", page, flags=re.MULTILINE)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_says_what_it_does(command):
    assert COMMANDS[command].help


def test_commands_that_no_longer_exist_are_not_documented():
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    documented = re.findall(r"^#+ `?(caesar(?: [a-z]+)+)", page, flags=re.MULTILINE)

    assert set() == set(documented) - set(COMMANDS)


@pytest.mark.parametrize("kind", sorted(events.kinds()))
def test_every_kind_of_event_is_documented_with_its_fields(kind):
    said = paragraphs()[kind]
    fields = {field.name for field in dataclasses.fields(events.kinds()[kind])}

    assert fields == set(re.findall(r"`(\w+)`", said))


@pytest.mark.parametrize("value", sorted(NESTED))
def test_every_value_inside_events_is_documented_with_its_fields(value):
    said = paragraphs()[value]
    fields = {field.name for field in dataclasses.fields(NESTED[value])}

    assert fields == set(re.findall(r"`(\w+)`", said))


def test_only_events_and_values_that_exist_are_documented():
    assert set(paragraphs()) == {*events.kinds(), *NESTED}


@pytest.mark.parametrize("kind", sorted(kind for kind, event in events.kinds().items() if event.v > 1))
def test_an_event_of_a_later_version_says_what_is_new_in_it(kind):
    said = paragraphs()[kind]

    assert f"Version {events.kinds()[kind].v}" in said


@pytest.mark.parametrize("key", spec_keys())
def test_every_key_of_a_spec_is_documented(key):
    page = (DOCS / "specs.md").read_text(encoding="utf-8")

    assert re.search(rf"`[\w.]*\b{re.escape(key)}\b|^\s*{re.escape(key)}:", page, flags=re.MULTILINE)


@pytest.mark.parametrize(("page", "target"), list(links()))
def test_links_lead_somewhere(page, target):
    path, _, anchor = target.partition("#")
    there = (page.parent / path) if path else page

    assert there.exists()
    assert not anchor or anchor in anchors(there)
