"""What judge and candidate say to each other: frames of fixed size over a SEQPACKET socket.

The candidate's side of the socket belongs to the candidate: whatever it sends is read as plain bytes
of a known size, at the moment at which it is due, or is a violation. No text of it is executed, no
length of it is believed, no descriptor of it is taken. Imports no torch.
"""

from __future__ import annotations

import hashlib
import select
import socket
import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "MOST_DIMENSIONS",
    "MOST_LEAVES",
    "Ask",
    "Command",
    "Done",
    "Form",
    "Launched",
    "Leaf",
    "Loaded",
    "Lost",
    "Message",
    "Raised",
    "Ready",
    "Shown",
    "Traced",
    "Violation",
    "receive",
    "skeleton_of",
    "spin",
]

MOST_LEAVES = 16
"""How many outputs a model may return."""

MOST_DIMENSIONS = 8
"""How many dimensions of an output can be told."""

_NAME_BYTES = 40
_ERROR_BYTES = 100
_DETAIL_BYTES = 6000
_TRACE_BYTES = 32_000


class Lost(Exception):  # noqa: N818 - an end, not an error of ours
    """The candidate's process has gone, or closed its socket."""


class Violation(Exception):  # noqa: N818 - the candidate's doing, a verdict in the making
    """The candidate sent something that was not due."""


class Ask(IntEnum):
    """What the judge wants next."""

    IDLE = 1
    """Do everything that a call takes, but no call: tells what asking costs. Before the candidate loads."""
    LOAD = 2
    """Load the candidate and construct its model."""
    PREPARE = 6
    """Seed, and lay out a slot's inputs for the next call; they are released afterwards."""
    CALL = 3
    """Call the model on what was prepared."""
    SHOW = 4
    """Copy the last call's outputs to the shared buffer."""
    TRACE = 5
    """Call the model once more, and tell what it ran."""


@dataclass(frozen=True, slots=True)
class Command:
    """One frame from the judge."""

    ask: Ask
    number: int
    """Counts up; the answer repeats it."""
    slot: int = 0
    seed: int = 0

    _LAYOUT = struct.Struct("<BIIQ15x")

    def encode(self) -> bytes:
        """As bytes."""
        return self._LAYOUT.pack(self.ask, self.number, self.slot, self.seed)

    @classmethod
    def decode(cls, frame: bytes) -> Command:
        """The inverse of encode()."""
        ask, number, slot, seed = cls._LAYOUT.unpack(frame)
        return cls(Ask(ask), number, slot, seed)


class Form(IntEnum):
    """What kind of thing an output is."""

    TENSOR = 1
    ELSEWHERE = 2
    """A tensor on another device."""
    LAYOUT = 3
    """A sparse or otherwise not strided tensor."""
    INT = 4
    FLOAT = 5
    BOOL = 6
    NONE = 7
    OTHER = 8
    """Anything else, subclasses of tensors included."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One output, described."""

    form: Form
    name: str
    """The type's or the dtype's name."""
    shape: tuple[int, ...] = ()
    value: float = 0.0
    """Of a number or a boolean."""

    _LAYOUT = struct.Struct(f"<BB{_NAME_BYTES}s{MOST_DIMENSIONS}qd")

    def encode(self) -> bytes:
        """As bytes; it has at most eight dimensions."""
        shape = self.shape[:MOST_DIMENSIONS]
        padded = (*shape, *((0,) * (MOST_DIMENSIONS - len(shape))))
        return self._LAYOUT.pack(
            self.form, len(self.shape) % 256, _bytes_of(self.name, _NAME_BYTES), *padded, self.value
        )

    @classmethod
    def decode(cls, part: bytes) -> Leaf:
        """The inverse of encode(); ValueError for what no encode() gives."""
        form, dimensions, name, *shape, value = cls._LAYOUT.unpack(part)
        if dimensions > MOST_DIMENSIONS:
            raise ValueError("too many dimensions")
        return cls(Form(form), _text_of(name), tuple(shape[:dimensions]), value)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The candidate's model stands."""

    number: int
    copied: bool
    """Whether it took over all of the reference's state."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The next call is prepared."""

    number: int


@dataclass(frozen=True, slots=True)
class Launched:
    """All of a call is queued behind the gate that it waits at; only on a GPU, and by the candidate's word."""

    number: int


@dataclass(frozen=True, slots=True)
class Done:
    """A call is complete on the device, by the candidate's word; its times too."""

    number: int
    elapsed_ms: float
    launch_ms: float
    """Until the call returned, its work on the device possibly unfinished."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The outputs that fit the reference's form are in the shared buffer."""

    number: int
    skeleton: int
    """How they are nested (`skeleton_of`)."""
    leaves: tuple[Leaf, ...]
    count: int
    """How many there are, those left out included."""


@dataclass(frozen=True, slots=True)
class Raised:
    """The candidate raised an exception."""

    number: int
    error: str
    detail: str
    out_of_memory: bool
    hardware: bool


@dataclass(frozen=True, slots=True)
class Traced:
    """What a call ran, as JSON that nobody has read yet."""

    number: int
    evidence: bytes


Message = Loaded | Ready | Launched | Done | Shown | Raised | Traced

_HEAD = struct.Struct("<BI")
_LOADED = struct.Struct("<?")
_DONE = struct.Struct("<dd")
_SHOWN = struct.Struct("<IQ")
_RAISED = struct.Struct(f"<??{_ERROR_BYTES}s{_DETAIL_BYTES}s")
_LEAF = Leaf._LAYOUT.size  # noqa: SLF001 - one wire format in one module
_TRACED = struct.Struct(f"<I{_TRACE_BYTES}s")

_SIZES = {
    Loaded: _HEAD.size + _LOADED.size,
    Ready: _HEAD.size,
    Launched: _HEAD.size,
    Done: _HEAD.size + _DONE.size,
    Shown: _HEAD.size + _SHOWN.size + MOST_LEAVES * _LEAF,
    Raised: _HEAD.size + _RAISED.size,
    Traced: _HEAD.size + _TRACED.size,
}
_KINDS: Sequence[type[Message]] = tuple(_SIZES)
_LARGEST = max(_SIZES.values())


def encode(message: Message) -> bytes:
    """A frame of its kind's one size."""
    match message:
        case Loaded(copied=copied):
            body = _LOADED.pack(copied)
        case Ready() | Launched():
            body = b""
        case Done(elapsed_ms=elapsed_ms, launch_ms=launch_ms):
            body = _DONE.pack(elapsed_ms, launch_ms)
        case Shown():
            leaves = b"".join(leaf.encode() for leaf in message.leaves[:MOST_LEAVES])
            body = _SHOWN.pack(message.count, message.skeleton) + leaves.ljust(MOST_LEAVES * _LEAF, b"\0")
        case Raised():
            body = _RAISED.pack(
                message.out_of_memory,
                message.hardware,
                _bytes_of(message.error, _ERROR_BYTES),
                _bytes_of(message.detail[-_DETAIL_BYTES:], _DETAIL_BYTES),
            )
        case Traced(evidence=evidence):
            body = _TRACED.pack(min(len(evidence), _TRACE_BYTES), evidence[:_TRACE_BYTES])
    return _HEAD.pack(_KINDS.index(type(message)), message.number) + body


def decode(frame: bytes) -> Message:
    """The message of a frame; Violation where it is none."""
    try:
        return _decoded(frame)
    except (struct.error, ValueError, IndexError) as error:
        raise Violation(f"a frame of {len(frame)} bytes that can't be read: {error}") from None


def _decoded(frame: bytes) -> Message:
    kind, number = _HEAD.unpack_from(frame)
    cls = _KINDS[kind]
    if len(frame) != _SIZES[cls]:
        raise ValueError(f"{cls.__name__} has {_SIZES[cls]} bytes")
    body = frame[_HEAD.size :]
    if cls is Loaded:
        return Loaded(number, *_LOADED.unpack(body))
    if cls is Ready or cls is Launched:
        return cls(number)
    if cls is Done:
        return Done(number, *_DONE.unpack(body))
    if cls is Shown:
        return _shown(number, body)
    if cls is Raised:
        out_of_memory, hardware, error, detail = _RAISED.unpack(body)
        return Raised(number, _text_of(error), _text_of(detail), out_of_memory=out_of_memory, hardware=hardware)
    length, evidence = _TRACED.unpack(body)
    return Traced(number, evidence[: min(length, _TRACE_BYTES)])


def _shown(number: int, body: bytes) -> Shown:
    count, skeleton = _SHOWN.unpack_from(body)
    parts = (body[start : start + _LEAF] for start in range(_SHOWN.size, len(body), _LEAF))
    leaves = tuple(Leaf.decode(part) for part, _ in zip(parts, range(count), strict=False))
    return Shown(number, skeleton, leaves, count)


def receive(link: socket.socket, *, flags: int = 0) -> bytes:
    """The next frame; Lost at the end, Violation where descriptors came with it or it was too long."""
    try:
        frame, _ancillary, seen, _address = link.recvmsg(_LARGEST + 1, 0, flags)
    except (ConnectionError, OSError) as error:
        if isinstance(error, BlockingIOError | TimeoutError):
            raise
        raise Lost from error
    if not frame:
        raise Lost
    if seen & (socket.MSG_CTRUNC | socket.MSG_TRUNC):
        raise Violation("a frame that brings descriptors, or is longer than any")
    return frame


def spin(link: socket.socket, *, most_s: float) -> None:
    """Return once there is something to read, or the time is up, without sleeping: who sleeps wakes up slowly.

    On a GPU's host a process that has slept for some milliseconds takes 0.3 ms longer to make a call.
    """
    readable = select.poll()
    readable.register(link, select.POLLIN)
    until = time.monotonic() + most_s
    while not readable.poll(0) and time.monotonic() < until:
        pass


def skeleton_of(paths: Iterable[str]) -> int:
    """How outputs are nested, as a number: equal for equal nesting."""
    return int.from_bytes(hashlib.blake2b("\n".join(paths).encode("utf-8", "replace"), digest_size=8).digest())


def _bytes_of(text: str, most: int) -> bytes:
    return text.encode("utf-8", "replace")[:most]


def _text_of(field: bytes) -> str:
    return field.rstrip(b"\0").decode("utf-8", "replace")
