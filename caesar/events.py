"""The closed union of events, their envelope, and how they become bytes and come back.

A kind is a stable string with an integer version, never a Python path. A released kind keeps its
meaning for ever: a change is a new version, an upcast in `_UPCASTS` and a golden log of the old
one. The body's bytes are canonical JSON (sorted keys, no spaces, shortest floats, UTF-8), so equal
events have equal bytes. The digest chains an event to all before it in its stream and finds
corruption; it has no key and stops no forger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, ClassVar, get_args

import msgspec

from caesar.domain import (
    BuildOutcome,
    Digest,
    Evaluation,
    GenerationOutcome,
    KernelBenchResult,
    Outcome,
    Usage,
)
from caesar.errors import StoreError

__all__ = [
    "GENESIS",
    "BudgetExhausted",
    "BuildCompleted",
    "BuildFaulted",
    "BuildRequested",
    "Envelope",
    "EvaluationCompleted",
    "EvaluationFaulted",
    "EvaluationRecalled",
    "EvaluationRequested",
    "Event",
    "ForkOrigin",
    "GenerationCompleted",
    "GenerationFaulted",
    "GenerationRequested",
    "HeadRecorded",
    "LeaseGranted",
    "LeaseReleased",
    "PinnedProblem",
    "PromptPart",
    "RunExtended",
    "RunFinished",
    "RunForked",
    "RunResumed",
    "RunStarted",
    "StateEntered",
    "TrajectoryExtended",
    "TrajectoryFinished",
    "TrajectoryForked",
    "TrajectoryResumed",
    "TrajectoryStarted",
    "TrajectorySuspended",
    "TurnBegun",
    "TurnEnded",
    "canonical",
    "chain",
    "current",
    "decode",
    "kinds",
    "named_texts",
    "root",
    "seal",
]

GENESIS = "0" * 64
"""What the first event of a stream chains to."""


@dataclass(frozen=True, slots=True)
class PinnedProblem:
    """A problem as the run pinned it."""

    id: str
    name: str
    level: int | None
    source: Digest


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run exists, with everything it depends on pinned by digest."""

    kind: ClassVar = "run_started"
    v: ClassVar = 2
    run: str
    """The run's ULID."""
    name: str
    group: str
    spec: Digest
    """The resolved spec, canonical JSON."""
    identity: Digest
    """Over what has to be equal for two commands to mean the same run."""
    suite: str
    problems: tuple[PinnedProblem, ...]
    samples: int
    turns: int | None
    templates: dict[str, Digest]
    """The texts of prompt templates and examples, by file name."""
    evaluator: str
    provenance: str | None
    """How the completions came about, where they are replayed; None for a model's live answers."""
    caesar: str
    """The version of the program."""
    device_name: str | None = None
    """The hardware's, as prompts give it that show it; None where an older version wrote the event."""


@dataclass(frozen=True, slots=True)
class RunExtended:
    """The run takes more problems, samples or turns; each field is the new whole."""

    kind: ClassVar = "run_extended"
    v: ClassVar = 1
    spec: Digest
    problems: tuple[PinnedProblem, ...]
    samples: int
    turns: int | None


@dataclass(frozen=True, slots=True)
class ForkOrigin:
    """Where one trajectory of a forked run leaves the one that it continues."""

    problem: str
    sample: int
    """Of the fork, not of the parent."""
    parent: str
    """The stream that holds the end of the last shared turn."""
    version: int
    """Of the last shared event."""
    digest: Digest
    """Of the last shared event."""
    turn: int
    """The last shared turn."""


@dataclass(frozen=True, slots=True)
class RunForked:
    """The run's trajectories continue others; appended together with the run's first event."""

    kind: ClassVar = "run_forked"
    v: ClassVar = 1
    parent: str
    """The ULID of the run that was forked."""
    origins: tuple[ForkOrigin, ...]


@dataclass(frozen=True, slots=True)
class RunResumed:
    """A process took the run up again."""

    kind: ClassVar = "run_resumed"
    v: ClassVar = 2
    caesar: str
    device_name: str | None = None
    """Likewise, from here on."""


@dataclass(frozen=True, slots=True)
class HeadRecorded:
    """Where an ended trajectory's stream stood: shows if its tail is later missing."""

    kind: ClassVar = "head_recorded"
    v: ClassVar = 1
    stream: str
    version: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class RunFinished:
    """Every trajectory ended or was suspended, as far as this process could take it."""

    kind: ClassVar = "run_finished"
    v: ClassVar = 1
    finished: int
    suspended: int


@dataclass(frozen=True, slots=True)
class CandidateRescored:
    """KernelBench judged a candidate that had been evaluated before; nothing it led to changes."""

    kind: ClassVar = "candidate_rescored"
    v: ClassVar = 1
    trajectory: str
    turn: int
    candidate: Digest
    verdict: str
    """What the trajectory's own evaluation said."""
    runtime_ms: float | None
    """That evaluation's median."""
    speedup: float | None
    """That evaluation's."""
    device: str
    device_name: str
    kernelbench: KernelBenchResult
    seconds: float


@dataclass(frozen=True, slots=True)
class TrajectoryStarted:
    """One attempt at one problem begins."""

    kind: ClassVar = "trajectory_started"
    v: ClassVar = 1
    problem: str
    source: Digest
    """The reference source, as pinned by the run."""
    sample: int
    seed: int


@dataclass(frozen=True, slots=True)
class TrajectoryForked:
    """The trajectory begins with another's first turns, which are neither copied nor booked again.

    It is chained to the parent's last shared event instead of to GENESIS.
    """

    kind: ClassVar = "trajectory_forked"
    v: ClassVar = 1
    parent: str
    """The stream that holds the end of the last shared turn."""
    version: int
    """Of the last shared event."""
    digest: Digest
    """Of the last shared event."""
    turn: int
    """The last shared turn."""
    problem: str
    source: Digest
    """The reference source, as pinned by the run."""
    sample: int
    seed: int


@dataclass(frozen=True, slots=True)
class TrajectoryExtended:
    """A trajectory that had ended for want of turns goes on."""

    kind: ClassVar = "trajectory_extended"
    v: ClassVar = 1
    turns: int | None


@dataclass(frozen=True, slots=True)
class TrajectoryResumed:
    """A process took the trajectory up again; the time since its last event counts for no budget."""

    kind: ClassVar = "trajectory_resumed"
    v: ClassVar = 1


@dataclass(frozen=True, slots=True)
class TrajectoryFinished:
    """The machine reached a finish state; the result names a turn, nothing is evaluated anew."""

    kind: ClassVar = "trajectory_finished"
    v: ClassVar = 1
    result: str
    """How the turn was chosen: best or last."""
    turn: int | None
    """The chosen turn; None where no turn had a candidate."""
    candidate: Digest | None
    outcome: str | None
    """The chosen turn's outcome."""


@dataclass(frozen=True, slots=True)
class TrajectorySuspended:
    """A fault outlasted its retries; the run's next start takes the trajectory up again."""

    kind: ClassVar = "trajectory_suspended"
    v: ClassVar = 1
    request: str
    fault: str
    message: str


@dataclass(frozen=True, slots=True)
class StateEntered:
    """The machine is in a state, by which outcome of which state before."""

    kind: ClassVar = "state_entered"
    v: ClassVar = 1
    state: str
    after: str | None
    """The state it came from; None for the start."""
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class TurnBegun:
    """A turn starts; turns count from 1."""

    kind: ClassVar = "turn_begun"
    v: ClassVar = 1
    turn: int


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """A turn is over: what it came to, and the feedback later prompts and reports show for it."""

    kind: ClassVar = "turn_ended"
    v: ClassVar = 1
    turn: int
    outcome: str | None
    """no_code, build_failed, build_timed_out or the verdict; None where nothing decided it."""
    feedback: Digest


@dataclass(frozen=True, slots=True)
class BudgetExhausted:
    """A trajectory's budget allows no further turn."""

    kind: ClassVar = "budget_exhausted"
    v: ClassVar = 1
    budget: str
    """Which: turns, tokens, usd, wall, device."""
    limit: float
    spent: float


@dataclass(frozen=True, slots=True)
class PromptPart:
    """One message of a prompt: its role and the texts it is made of, joined by newlines."""

    role: str
    parts: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class GenerationRequested:
    """A model is about to be asked."""

    kind: ClassVar = "generation_requested"
    v: ClassVar = 1
    request: str
    attempt: int
    turn: int
    model: str
    prompt: tuple[PromptPart, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class GenerationCompleted:
    """The model answered; the candidate, if any, was taken from the completion."""

    kind: ClassVar = "generation_completed"
    v: ClassVar = 1
    request: str
    attempt: int
    outcome: GenerationOutcome
    completion: Digest
    reasoning: Digest | None
    candidate: Digest | None
    model: str
    finish_reason: str | None
    usage: Usage
    seconds: float


@dataclass(frozen=True, slots=True)
class GenerationFaulted:
    """The model could not be asked, or its reply is unknown."""

    kind: ClassVar = "generation_faulted"
    v: ClassVar = 1
    request: str
    attempt: int
    fault: str
    message: str
    retry_at_us: int | None
    """When the next attempt is due; None where there will be none."""
    usage: Usage
    """What may have been paid all the same; zero where nothing was sent."""


@dataclass(frozen=True, slots=True)
class BuildRequested:
    """A candidate is about to be built."""

    kind: ClassVar = "build_requested"
    v: ClassVar = 1
    request: str
    attempt: int
    candidate: Digest


@dataclass(frozen=True, slots=True)
class BuildCompleted:
    """The build came to an outcome that is the candidate's own."""

    kind: ClassVar = "build_completed"
    v: ClassVar = 2
    request: str
    attempt: int
    outcome: BuildOutcome
    artifact: str | None
    log: Digest
    """What feedback shows: the whole log, or a part of it that says that it is one."""
    reason: str | None
    cached: bool
    seconds: float
    full_log: Digest | None = None
    """The whole log, where `log` is a part of it."""
    headers: str | None = None
    """Slim or real: which headers stood for PyTorch's; None where nothing was compiled, or it is not known."""
    dropped: tuple[str, ...] = ()
    """The compiler and linker flags that were not passed on."""


@dataclass(frozen=True, slots=True)
class BuildFaulted:
    """The build broke for a reason that is not the candidate's."""

    kind: ClassVar = "build_faulted"
    v: ClassVar = 1
    request: str
    attempt: int
    fault: str
    message: str
    retry_at_us: int | None


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """A device is held for a request."""

    kind: ClassVar = "lease_granted"
    v: ClassVar = 1
    request: str
    device: str
    token: int
    waited_s: float


@dataclass(frozen=True, slots=True)
class LeaseReleased:
    """The device was given back."""

    kind: ClassVar = "lease_released"
    v: ClassVar = 1
    request: str
    device: str
    token: int
    held_s: float | None
    """None where the holder died, so that nobody saw the end."""


@dataclass(frozen=True, slots=True)
class EvaluationRequested:
    """A built candidate is about to wait for a device and be judged on it."""

    kind: ClassVar = "evaluation_requested"
    v: ClassVar = 1
    request: str
    attempt: int
    candidate: Digest
    artifact: str


@dataclass(frozen=True, slots=True)
class EvaluationRecalled:
    """Not performed: the same candidate was judged before, and what follows repeats that."""

    kind: ClassVar = "evaluation_recalled"
    v: ClassVar = 1
    request: str
    attempt: int
    answered_by: str
    """The request that was judged."""


@dataclass(frozen=True, slots=True)
class EvaluationCompleted:
    """The candidate was judged; outcome repeats the evaluation's verdict."""

    kind: ClassVar = "evaluation_completed"
    v: ClassVar = 3
    request: str
    attempt: int
    outcome: Outcome
    evaluation: Evaluation
    seconds: float


@dataclass(frozen=True, slots=True)
class EvaluationFaulted:
    """The evaluation broke for a reason that is not the candidate's."""

    kind: ClassVar = "evaluation_faulted"
    v: ClassVar = 1
    request: str
    attempt: int
    fault: str
    message: str
    retry_at_us: int | None


Event = (
    RunStarted
    | RunExtended
    | RunResumed
    | RunForked
    | HeadRecorded
    | RunFinished
    | CandidateRescored
    | TrajectoryStarted
    | TrajectoryForked
    | TrajectoryExtended
    | TrajectoryResumed
    | TrajectoryFinished
    | TrajectorySuspended
    | StateEntered
    | TurnBegun
    | TurnEnded
    | BudgetExhausted
    | GenerationRequested
    | GenerationCompleted
    | GenerationFaulted
    | BuildRequested
    | BuildCompleted
    | BuildFaulted
    | LeaseGranted
    | LeaseReleased
    | EvaluationRequested
    | EvaluationRecalled
    | EvaluationCompleted
    | EvaluationFaulted
)

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
"""From the body of one version of a kind to the body of the next."""


def _unchanged(fields: dict[str, Any]) -> dict[str, Any]:
    """Where a version only added fields that may be absent."""
    return fields


_UPCASTS: dict[tuple[str, int], Upcast] = {
    ("run_started", 1): _unchanged,
    ("run_resumed", 1): _unchanged,
    ("build_completed", 1): _unchanged,
    ("evaluation_completed", 1): _unchanged,
    ("evaluation_completed", 2): _unchanged,
}


class Envelope(msgspec.Struct, frozen=True):
    """An event as it lies in the log.

    A struct and no dataclass, since reading a log makes one an event: it takes a tenth of the time so.
    """

    seq: int
    """The store's own numbering, by which nothing is identified: merging stores renumbers it."""
    stream: str
    version: int
    """From 1, without gaps, within the stream."""
    kind: str
    v: int
    recorded_at_us: int
    """When it was appended: microseconds since the epoch, UTC."""
    body: bytes
    previous: Digest
    """The digest of the stream's event before, or GENESIS."""
    digest: Digest

    @property
    def event(self) -> Event:
        """The decoded body; raises StoreError where it can't be read."""
        return decode(self.kind, self.v, self.body)


def canonical(value: object) -> bytes:
    """A value's one JSON: sorted keys, no spaces, UTF-8; equal values have equal bytes."""
    return msgspec.json.encode(value, order="sorted")


def kinds() -> dict[str, type[Event]]:
    """Every kind of event, by its name."""
    return {cls.kind: cls for cls in get_args(Event)}


_KINDS = kinds()
_DECODERS = {kind: msgspec.json.Decoder(cls) for kind, cls in _KINDS.items()}


def decode(kind: str, v: int, body: bytes) -> Event:
    """The event that canonical JSON holds, older versions upcast; StoreError where it is none."""
    cls = _KINDS.get(kind)
    if cls is None or v > cls.v:
        raise StoreError(f"event kind {kind} version {v} is newer than this program; use a newer Caesar")
    try:
        if v == cls.v:
            return _DECODERS[kind].decode(body)
        fields = msgspec.json.decode(body)
        for version in range(v, cls.v):
            fields = _UPCASTS[kind, version](fields)
        return msgspec.convert(fields, cls)
    except (msgspec.MsgspecError, KeyError) as error:
        raise StoreError(f"an event of kind {kind} version {v} can't be read: {error}") from error


def current(kind: str, v: int, body: bytes) -> bytes:
    """The body as this program would write the event: its own bytes, unless it is of an older version."""
    if kind in _KINDS and v == _KINDS[kind].v:
        return body
    return canonical(decode(kind, v, body))


_NO_TEXTS = frozenset({
    ("RunStarted", "identity"),
    ("HeadRecorded", "digest"),
    ("ForkOrigin", "digest"),
    ("TrajectoryForked", "digest"),
})  # fmt: skip
"""Fields whose digest is of no text: of an identity, or of an event."""


def named_texts(event: Any) -> Iterator[Digest]:
    """Every digest of a text that an event names, in the order of its fields, with repetitions."""
    for name, is_digest in _named_fields(event.__class__):
        value = getattr(event, name)
        yield from _digests(value) if is_digest else _nested(value)


@cache
def _named_fields(cls: Any) -> tuple[tuple[str, bool], ...]:
    """A value's fields that hold digests of texts (True), and those that may hold values that do."""
    listed = ((field.name, "Digest" in str(field.type)) for field in fields(cls))
    return tuple(each for each in listed if (cls.__name__, each[0]) not in _NO_TEXTS)


def _digests(value: object) -> Iterator[Digest]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, tuple):
        yield from value


def _nested(value: object) -> Iterator[Digest]:
    if isinstance(value, tuple | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _nested(item)
    elif is_dataclass(value):
        yield from named_texts(value)


def root(event: Event) -> Digest:
    """What a stream that begins with the event is chained to: a fork's parent, else GENESIS."""
    return event.digest if isinstance(event, TrajectoryForked) else GENESIS


def chain(
    previous: Digest, *, stream: str, version: int, kind: str, v: int, recorded_at_us: int, body: bytes
) -> Digest:
    """The digest of an event: over everything but seq, which merging renumbers."""
    head = canonical([previous, stream, version, kind, v, recorded_at_us])
    return hashlib.sha256(head + b"\n" + body).hexdigest()


def seal(
    event: Event, *, stream: str, version: int, previous: Digest, recorded_at_us: int, seq: int = 0
) -> Envelope:
    """An event ready to be appended as a stream's next; its seq is the store's to give.

    StoreError where the event would not come back equal (a NaN, a value of another type): what can't
    be read again is never written.
    """
    body = canonical(event)
    if decode(event.kind, event.v, body) != event:
        raise StoreError(f"an event of kind {event.kind} does not survive encoding: {event}")
    digest = chain(
        previous, stream=stream, version=version, kind=event.kind, v=event.v,
        recorded_at_us=recorded_at_us, body=body,
    )  # fmt: skip
    return Envelope(seq, stream, version, event.kind, event.v, recorded_at_us, body, previous, digest)
