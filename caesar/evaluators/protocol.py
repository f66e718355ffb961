"""What supervisor and judge say to each other: JSON messages of closed types, no torch.

The judge is trusted, the bytes are not: a message that can't be read ends the judge, never the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from caesar.domain import Finding, Mismatch
from caesar.effects import EvaluationSettings

__all__ = [
    "Assignment",
    "Baselines",
    "Cause",
    "Contest",
    "Described",
    "Differs",
    "Ending",
    "Gone",
    "Measure",
    "Measured",
    "Message",
    "Passed",
    "Raised",
    "Reached",
    "Report",
    "Stage",
    "Unusable",
    "Violated",
    "decode_message",
    "encode",
]


class Stage(StrEnum):
    """How far an evaluation came; from `candidate` on, whatever goes wrong is the candidate's doing."""

    SETUP = "setup"
    """Buffers are handed over, and it is measured what asking costs: nothing of the candidate's has run."""
    CANDIDATE = "candidate"
    """Loading the candidate and constructing its model."""
    TRIAL = "trial"
    """Correctness trials."""
    SCRUTINY = "scrutiny"
    """Other inputs, and the error against float64."""
    TIMING = "timing"
    """Timed calls of candidate and reference."""
    EVIDENCE = "evidence"
    """A traced call, and one of another shape."""


class Cause(StrEnum):
    """Why no candidate could be judged at all."""

    DEVICE = "device"
    """The device can't be used."""
    PACKAGE = "package"
    """The reference imports a package that isn't installed."""
    HUB = "hub"
    """The reference needs a model from a hub that can't be had."""
    MEMORY = "memory"
    """The reference alone doesn't fit into memory."""
    SLOW = "slow"
    """The reference alone would use up the evaluation's time."""
    RAISED = "raised"
    """The reference raised anything else."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The problem that a judge is started for."""

    reference: str
    """The reference source."""
    settings: EvaluationSettings
    cuda: bool
    """True for the one visible GPU, False for the CPU."""
    limit_s: float
    """An evaluation's time limit, to tell a hopelessly slow reference early."""
    threads: int
    core: int | None = None
    """The one that candidates and the reference are timed on; None where that is a GPU's work."""


class Contest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """To the judge, with the descriptor of a link to the candidate's process: judge it."""

    writable: bool
    """Whether the candidate gets inputs that it may write to."""


class Measure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """To the judge: time the reference alone, in these ways (`baselines.baseline_name`)."""

    names: tuple[str, ...]


class Baselines(msgspec.Struct, frozen=True, tag="baselines", forbid_unknown_fields=True):
    """The reference's times, by the way in which it was run; ways that failed are left out."""

    samples_ms: dict[str, tuple[float, ...]]
    failed: dict[str, str]
    seconds: float


class Described(msgspec.Struct, frozen=True, tag="described", forbid_unknown_fields=True):
    """The judge is ready; what it runs on."""

    device_name: str
    torch: str
    cuda: str | None
    driver: str | None
    seconds: float
    """How long it took to get ready."""


class Unusable(msgspec.Struct, frozen=True, tag="unusable", forbid_unknown_fields=True):
    """No candidate can be judged here, for a reason that is not a candidate's."""

    cause: Cause
    what: str


class Reached(msgspec.Struct, frozen=True, tag="reached", forbid_unknown_fields=True):
    """A stage begins."""

    stage: Stage
    seconds: float
    """Since the contest began."""


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Timed calls, in order: the n-th of each were made on the same inputs."""

    candidate_ms: tuple[float, ...]
    reference_ms: tuple[float, ...]
    launch_ms: float
    """How long the candidate's calls took to return to the host, the median."""
    reference_launch_ms: float
    clock: str
    """candidate: its own events or clock, which agree with the judge's; judge: the judge's, as they don't."""
    unseen_ms: float
    """How much of a call's work could have been done at other times without the judge's clock showing it."""


class Passed(msgspec.Struct, frozen=True, tag="passed", forbid_unknown_fields=True):
    """Every trial passed, and both were timed."""

    measured: Measured


class Differs(msgspec.Struct, frozen=True, tag="differs", forbid_unknown_fields=True):
    """An output is not the reference's."""

    reason: str
    mismatch: Mismatch | None = None


class Raised(msgspec.Struct, frozen=True, tag="raised", forbid_unknown_fields=True):
    """The candidate raised, by its own word."""

    error: str
    detail: str
    out_of_memory: bool
    hardware: bool


class Violated(msgspec.Struct, frozen=True, tag="violated", forbid_unknown_fields=True):
    """The candidate sent what was not due."""

    what: str


class Gone(msgspec.Struct, frozen=True, tag="gone", forbid_unknown_fields=True):
    """The candidate's process went away; its end says why."""


Ending = Passed | Differs | Raised | Violated | Gone


class Report(msgspec.Struct, frozen=True, tag="report", forbid_unknown_fields=True):
    """The judge's account of one candidate."""

    ending: Ending
    reached_s: dict[Stage, float]
    """When each stage began, in seconds since the contest did."""
    parameters: str | None
    trials_passed: int
    trials: int
    findings: tuple[Finding, ...]
    looked_at: dict[str, float]
    """Kinds of inputs that were looked at, with the candidate's error over the reference's, against float64."""
    conditions: dict[str, float]
    """Clocks, temperature and company of the device, right after timing."""
    seconds: float


Message = Described | Unusable | Reached | Report | Baselines

_DECODER: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def encode(message: Message | Assignment | Contest | Measure) -> bytes:
    """A message as JSON; its texts must be storable."""
    return msgspec.json.encode(message)


def decode_message(data: bytes) -> Message | None:
    """The message that the bytes hold, or None where they hold none."""
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
