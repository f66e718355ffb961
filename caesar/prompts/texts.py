"""The texts prompts are made of: shipped with the program, pinned by a run, or a user's own.

Templates are Jinja2 in its sandbox. They see the values they are given and nothing else: no
globals, no chance, no files, so that equal texts and values give equal prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import Self

from jinja2 import DictLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from caesar.errors import UsageError

__all__ = ["Templates", "shipped"]


def shipped() -> dict[str, str]:
    """The templates and examples that come with the program, by file name."""
    folder = files("caesar.prompts").joinpath("templates")
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return {entry.name: entry.read_text("utf-8") for entry in entries if entry.name.endswith((".j2", ".py"))}


_SMALL = frozenset({str, int, float, bool, type(None)})
_SMALL_CHARS = 200
_REMEMBERED = 1024
"""Rendered texts that are kept, since prompts repeat most of theirs."""


@dataclass(frozen=True, slots=True)
class Templates:
    """Texts by file name, ready to render; UsageError if a template among them is malformed."""

    texts: Mapping[str, str]
    _environment: ImmutableSandboxedEnvironment = field(init=False, repr=False, compare=False)
    _rendered: dict[tuple[object, ...], str] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What was rendered from few and small values: headings, the task, the closing instruction."""

    def __post_init__(self) -> None:
        texts = dict(self.texts)
        object.__setattr__(self, "texts", MappingProxyType(texts))
        object.__setattr__(self, "_environment", _environment(texts))
        for name in texts:
            if name.endswith(".j2"):
                self._compile(name)

    @classmethod
    def shipped(cls) -> Self:
        """The program's own texts."""
        return cls(shipped())

    def text(self, name: str) -> str:
        """A text as it is; UsageError if there is none of that name."""
        if name not in self.texts:
            raise UsageError(f"the prompt templates lack {name}; add it beside the others or drop yours")
        return self.texts[name]

    def render(self, name: str, /, **values: object) -> str:
        """A template filled in, without white space around it; UsageError where it can't be."""
        types = tuple(map(type, values.values()))
        if not _SMALL.issuperset(types):
            return self._render(name, values)
        key = (name, types, *values.items())
        rendered = self._rendered.get(key)
        if rendered is None:
            rendered = self._render(name, values)
            if all(len(str(value)) <= _SMALL_CHARS for value in values.values()):
                self._remember(key, rendered)
        return rendered

    def _remember(self, key: tuple[object, ...], rendered: str) -> None:
        if len(self._rendered) >= _REMEMBERED:
            self._rendered.clear()
        self._rendered[key] = rendered

    def _render(self, name: str, values: Mapping[str, object]) -> str:
        self.text(name)
        try:
            return self._environment.get_template(name).render(values).strip()
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise UsageError(f"template {name} can't be rendered: {error}; correct it") from error

    def _compile(self, name: str) -> None:
        try:
            self._environment.get_template(name)
        except TemplateSyntaxError as error:
            raise UsageError(f"template {name}, line {error.lineno}: {error.message}; correct it") from error


def _environment(texts: Mapping[str, str]) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=DictLoader(texts),
        undefined=StrictUndefined,
        autoescape=False,  # prompts are plain text: escaping would change the code in them
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.clear()
    del environment.filters["random"]
    return environment
