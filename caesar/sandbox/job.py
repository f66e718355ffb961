"""What is asked of a sandboxed child, and how it ended: plain values, shared by both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from caesar.sandbox.box import Box

__all__ = ["MOST_DESCRIPTORS", "Ended", "How", "Job"]

MOST_DESCRIPTORS = 8
"""How many open descriptors a job can be given."""


class How(StrEnum):
    """What ended a child: itself, a signal, or one of its limits."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    TIMED_OUT = "timed_out"
    OUTPUT_LIMIT = "output_limit"
    REPLY_LIMIT = "reply_limit"
    MEMORY_LIMIT = "memory_limit"
    PROCESS_LIMIT = "process_limit"


@dataclass(frozen=True, slots=True)
class Job:
    """One function call in a child of its own, which is handed its payload, its folder and some descriptors."""

    target: str
    """package.module:function, called in the child as function(payload, reply, *descriptors)."""
    payload: bytes
    folder: Path
    """The child's working folder, HOME and TMPDIR; made and removed by the caller."""
    limit_s: float
    """Wall-clock seconds after which the child and all it started are killed."""
    output_bytes: int
    """How much stdout and stderr may hold together; more ends the child."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the clean environment, in the child only."""
    reply_bytes: int = 8 << 20
    """How much the child may reply in all; more ends it."""
    descriptors: tuple[int, ...] = ()
    """Open descriptors that the child is given too (sockets, memory files), under numbers of its own.

    The caller keeps its copies open until the job has ended, and closes them. What the child execs
    inherits none.
    """
    box: Box = field(default_factory=Box)
    """How far the child is shut in, and what it may use."""

    def __post_init__(self) -> None:
        module, colon, function = self.target.partition(":")
        if not (module and colon and function):
            raise ValueError(f"a job's target reads package.module:function, not {self.target!r}")
        if not self.folder.is_absolute():
            raise ValueError(f"a job's folder is an absolute path, not {self.folder}")
        if len(self.descriptors) > MOST_DESCRIPTORS:
            raise ValueError(
                f"a job is given {MOST_DESCRIPTORS} descriptors at most, not {len(self.descriptors)}"
            )


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended, and what it said; everything in it is the child's word, except how and code."""

    how: How
    code: int
    """The exit status or the signal's number; 0 where a limit ended it."""
    replies: tuple[bytes, ...]
    """What each call of reply() sent, in order; an unfinished last one is left out."""
    output: str
    """What it printed: whole, or head and tail with a mark between; undecodable bytes replaced."""
    seconds: float
    """From the request for a fork (the zygote being ready) to the end of the last process."""
    survivors: int = 0
    """Processes that outlived SIGKILL (uninterruptible, say in a driver); they may still hold a device."""
