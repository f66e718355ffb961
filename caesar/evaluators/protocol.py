"""What the supervisor and an evaluation's child say to each other: JSON frames of closed types.

Shared by both sides, so nothing here imports torch. The supervisor reads frames strictly: one it
can't read, or one out of its place, is a protocol violation, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from caesar.domain import Finding, Mismatch
from caesar.effects import EvaluationSettings

__all__ = [
    "STAGES",
    "Assignment",
    "Cause",
    "Described",
    "Differs",
    "Frame",
    "Noticed",
    "Prepared",
    "Raised",
    "Reached",
    "Reply",
    "Stage",
    "Timed",
    "Tried",
    "Unusable",
    "decode_frame",
    "encode",
]

Reply = Callable[[bytes], None]
"""How a sandboxed child answers: one frame a call."""


class Stage(StrEnum):
    """How far an evaluation came; from `candidate` on, whatever goes wrong is the candidate's doing."""

    DEVICE = "device"
    """Opening the device: nothing of the problem's has run."""
    REFERENCE = "reference"
    """Loading the reference and running it once."""
    CANDIDATE = "candidate"
    """Loading the candidate and constructing its model."""
    TRIAL = "trial"
    """Correctness trials."""
    TIMING = "timing"
    """Timed calls of candidate and reference."""


STAGES = tuple(Stage)
"""The stages in the order an evaluation goes through them."""


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
    """Everything a child needs to judge one candidate."""

    reference: str
    """The reference source."""
    candidate: str
    """The candidate's source."""
    settings: EvaluationSettings
    cuda: bool
    """True for the one visible GPU, False for the CPU."""
    limit_s: float
    """The child's time limit, to tell a hopelessly slow reference early."""


class Reached(msgspec.Struct, frozen=True, tag="reached", forbid_unknown_fields=True):
    """A stage begins."""

    stage: Stage
    seconds: float
    """Since the child started."""


class Described(msgspec.Struct, frozen=True, tag="described", forbid_unknown_fields=True):
    """What the child runs on; sent before anything of the candidate's ran."""

    device_name: str
    torch: str
    cuda: str | None


class Unusable(msgspec.Struct, frozen=True, tag="unusable", forbid_unknown_fields=True):
    """The evaluation can't take place, for a reason that is not the candidate's."""

    cause: Cause
    what: str


class Prepared(msgspec.Struct, frozen=True, tag="prepared", forbid_unknown_fields=True):
    """Both models are constructed and on the device."""

    parameters: str


class Tried(msgspec.Struct, frozen=True, tag="tried", forbid_unknown_fields=True):
    """One more correctness trial passed."""


class Noticed(msgspec.Struct, frozen=True, tag="noticed", forbid_unknown_fields=True):
    """Something that is data, not a verdict."""

    finding: Finding


class Raised(msgspec.Struct, frozen=True, tag="raised", forbid_unknown_fields=True):
    """The end: the candidate raised."""

    error: str
    """The exception's type name."""
    detail: str
    """The traceback, the candidate's frames only."""
    out_of_memory: bool = False
    hardware: bool = False
    """True where the driver reports broken hardware, which no candidate can cause."""


class Differs(msgspec.Struct, frozen=True, tag="differs", forbid_unknown_fields=True):
    """The end: an output is not the reference's."""

    mismatch: Mismatch
    timed: bool = False
    """True where only the output of a timed call differed."""


class Timed(msgspec.Struct, frozen=True, tag="timed", forbid_unknown_fields=True):
    """The end: every trial passed, and both were timed."""

    candidate_ms: tuple[float, ...]
    reference_ms: tuple[float, ...]


Frame = Reached | Described | Unusable | Prepared | Tried | Noticed | Raised | Differs | Timed

_DECODER: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)


def encode(message: Frame | Assignment) -> bytes:
    """A message as JSON; its texts must be storable."""
    return msgspec.json.encode(message)


def decode_frame(data: bytes) -> Frame | None:
    """The frame that the bytes hold, or None where they hold none."""
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
