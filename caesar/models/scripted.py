"""A model that says what it was told to say: for tests, for demonstrations, for trying a spec."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import yaml

from caesar.domain import Usage
from caesar.effects import Generate, Generated
from caesar.errors import Fault, UsageError

__all__ = ["ScriptedModel", "load_script"]


class ScriptedModel:
    """Implements `ports.Model`: turn n is answered by the n-th completion, whatever the prompt.

    Given a mapping, each problem's id has its own completions. All samples are answered alike.
    """

    def __init__(
        self, completions: Sequence[str] | Mapping[str, Sequence[str]], *, name: str = "scripted"
    ) -> None:
        self._completions = completions
        self._name = name

    @property
    def provenance(self) -> str | None:
        """That these are texts from a script, which no model wrote for these prompts."""
        return f"the completions are {self._name}, written before any prompt"

    def preflight(self) -> None:
        """Nothing can be missing."""

    async def generate(self, generate: Generate) -> Generated:
        """The turn's completion; a permanent Fault where the script has none."""
        turn = generate.request.turn
        texts = self._texts(generate.problem)
        if turn > len(texts):
            raise Fault(
                "model",
                f"{self._name} ran out: problem {generate.problem} is at turn {turn} and the script has"
                f" {len(texts)} completions for it; add to it, or run fewer turns under another --name",
                permanent=True,
            )
        return Generated(texts[turn - 1], Usage(), self._name)

    def _texts(self, problem: str) -> Sequence[str]:
        if isinstance(self._completions, Mapping):
            return self._completions.get(problem, ())
        return self._completions


def load_script(file: Path) -> ScriptedModel:
    """The script in a file: YAML or JSON (a list of texts, or problem ids mapped to lists), .md or .py.

    A .md file is turn 1's completion as it stands, a .py file is turn 1's candidate.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the script {file} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the script {file} can't be read: {error}") from error
    return ScriptedModel(_completions(text, file), name=f"scripted:{file.name}")


def _completions(text: str, file: Path) -> Sequence[str] | Mapping[str, Sequence[str]]:
    match file.suffix:
        case ".md":
            return (text,)
        case ".py":
            return (f"```python\n{text.rstrip()}\n```\n",)
        case ".yaml" | ".yml" | ".json":
            return _parsed(text, file)
    raise UsageError(f"the script {file} is of no known kind; name it .yaml, .json, .md or .py")


def _parsed(text: str, file: Path) -> Sequence[str] | Mapping[str, Sequence[str]]:
    read = json.loads if file.suffix == ".json" else yaml.safe_load  # YAML breaks JSON's surrogate pairs
    try:
        content = read(text)
        if isinstance(content, dict):
            content = {str(problem): texts for problem, texts in content.items()}
        return msgspec.convert(content, list[str] | dict[str, list[str]])
    except (yaml.YAMLError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{file} is no script ({' '.join(str(error).split())}); it takes a list of texts,"
            " or problem ids mapped to lists of texts"
        ) from error
