"""Completions written down once and replayed: a demonstration without a key, a test without a network.

A recording is JSON Lines: a header, then one completion a line, looked up by problem, sample and
turn and by nothing else (not by the prompt). Of several lines with one key the last counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from caesar.domain import Usage
from caesar.effects import Backend, Generate, Generated
from caesar.errors import Fault, UsageError
from caesar.ports import Model

__all__ = ["Header", "Key", "RecordedModel", "Recorder", "Recording", "read_recording"]

_Shape = TypeVar("_Shape", bound=msgspec.Struct)

Key = tuple[str, int, int]
"""Problem, sample, turn."""


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording's first line: what it was made with."""

    caesar_recording: Literal[1]
    """The format's version."""
    spec: str
    backend: Backend
    model: str
    made: str
    """How these completions were made, for people."""


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    problem: str
    sample: Annotated[int, msgspec.Meta(ge=0)]
    turn: Annotated[int, msgspec.Meta(ge=1)]
    text: str
    usage: Usage = Usage()
    model: str | None = None
    finish_reason: str | None = None
    reasoning: str | None = None

    @property
    def key(self) -> Key:
        return self.problem, self.sample, self.turn


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording's content."""

    header: Header
    completions: Mapping[Key, Generated]


def read_recording(file: Path | Traversable) -> Recording:
    """The recording in a file; UsageError, with the line, where it is none."""
    lines = _text(file).split("\n")  # splitlines would also split inside texts
    if not lines[0]:
        raise UsageError(f"{file} is no recording: it is empty")
    header = _decoded(lines[0], Header, where=f"{file}:1")
    numbered = ((number, line) for number, line in enumerate(lines[1:], start=2) if line.strip())
    decoded = (_decoded(line, _Line, where=f"{file}:{number}") for number, line in numbered)
    return Recording(header, {line.key: _generated(line, header) for line in decoded})


class RecordedModel:
    """Implements `ports.Model` by replaying a recording, at once and at its recorded cost."""

    def __init__(self, file: Path | Traversable, *, backend: Backend | None = None) -> None:
        self._file = file
        self._backend = backend
        self._recording: Recording | None = None

    @property
    def provenance(self) -> str | None:
        """How the recording was made, in its own words; UsageError if the file is no recording."""
        return self._read().header.made

    def preflight(self) -> None:
        """Raise UsageError if the file is no recording, or one for another backend."""
        made_for = self._read().header.backend
        if self._backend is not None and made_for is not self._backend:
            raise UsageError(
                f"{self._file} was recorded for {made_for}, and this run is for {self._backend}:"
                f" use --set backend={made_for}, or another recording"
            )

    async def generate(self, generate: Generate) -> Generated:
        """The completion recorded for this problem, sample and turn; a permanent Fault where there is none."""
        recording = self._read()
        key = (generate.problem, generate.sample, generate.request.turn)
        recorded = recording.completions.get(key)
        if recorded is None:
            raise Fault("model", _exhausted(recording, key, file=self._file), permanent=True)
        return recorded

    def _read(self) -> Recording:
        if self._recording is None:
            self._recording = read_recording(self._file)
        return self._recording


class Recorder:
    """Implements `ports.Model` by asking another, and appends each completion to a recording.

    Each line is appended in one write, so that a killed process leaves whole lines; a power cut may
    lose the last ones. Faults are not recorded.
    """

    def __init__(self, model: Model, path: Path, *, header: Header) -> None:
        self._model = model
        self._path = path
        self._header = header

    @property
    def provenance(self) -> str | None:
        """How the other's completions come about."""
        return self._model.provenance

    def preflight(self) -> None:
        """Raise UsageError if the model can't be asked, or the file not written or another recording."""
        self._model.preflight()
        try:
            self._append()
        except OSError as error:
            raise UsageError(f"the recording {self._path} can't be written: {error}") from error
        self._check(read_recording(self._path).header)
        if not self._path.read_bytes().endswith(b"\n"):
            raise UsageError(f"{self._path} does not end its last line; end it, so that others can follow")

    async def generate(self, generate: Generate) -> Generated:
        """The model's completion, once it is recorded."""
        generated = await self._model.generate(generate)
        try:
            self._append(_line(generate, generated))
        except OSError as error:
            message = f"the recording {self._path} can't be written: {error}"
            raise Fault("internal", message, permanent=True) from error
        return generated

    def _check(self, found: Header) -> None:
        ours, theirs = (
            f"the spec {header.spec} with {header.model} for {header.backend}"
            for header in (self._header, found)
        )
        if ours != theirs:
            raise UsageError(f"{self._path} is a recording of {theirs}, not of {ours}; record to another file")

    def _append(self, *lines: _Line) -> None:
        """Add the lines, after the header in a new file; OSError where they didn't get there whole."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab", buffering=0) as file:
            new = file.tell() == 0
            content = msgspec.json.Encoder().encode_lines([self._header, *lines] if new else lines)
            if file.write(content) != len(content):
                raise OSError("its last line was cut short; delete that line")


def _text(file: Path | Traversable) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the recording {file} can't be read: {error}") from error


def _decoded(line: str, shape: type[_Shape], *, where: str) -> _Shape:
    try:
        return msgspec.json.decode(line, type=shape)
    except msgspec.MsgspecError as error:
        raise UsageError(f"{where}: not a line of a recording: {error}") from error


def _generated(line: _Line, header: Header) -> Generated:
    return Generated(line.text, line.usage, line.model or header.model, line.finish_reason, line.reasoning)


def _line(generate: Generate, generated: Generated) -> _Line:
    return _Line(
        problem=generate.problem,
        sample=generate.sample,
        turn=generate.request.turn,
        text=generated.text,
        usage=generated.usage,
        model=generated.model,
        finish_reason=generated.finish_reason,
        reasoning=generated.reasoning,
    )


def _exhausted(recording: Recording, key: Key, *, file: Path | Traversable) -> str:
    problem, sample, turn = key
    turns = [turn for at, among, turn in recording.completions if (at, among) == (problem, sample)]
    has = f"its turns end at {max(turns)}" if turns else _held(recording, problem)
    return (
        f"the recording {file} has no completion for problem {problem}, sample {sample}, turn {turn}: {has};"
        " ask for less, or record more with --record"
    )


def _held(recording: Recording, problem: str) -> str:
    samples = sorted({sample for at, sample, _ in recording.completions if at == problem})
    if samples:
        return f"of this problem it holds sample {', '.join(map(str, samples))}"
    problems = sorted({at for at, _, _ in recording.completions})
    return f"it holds the problems {', '.join(problems) or 'none'}"
