"""How a build child asks for a library: one JSON message there, one answer back, both of bounded size."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from caesar.sandbox.artifact import open_plain
from caesar.sandbox.extensions import Extension

__all__ = [
    "Answer",
    "Request",
    "recv_answer",
    "recv_request",
    "send_error",
    "send_library",
    "send_request",
]

_HEAD = struct.Struct("!IQ")
"""The lengths of the message and of what follows it."""
_MOST_BYTES = 8 << 20
_NOBODY = "nobody builds extensions for this process any more"


@dataclass(frozen=True, slots=True)
class Request:
    """One extension that a candidate asks for."""

    extension: Extension
    real: bool
    """Whether only the real headers will do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The library, or what load_inline is to raise."""

    library: bytes | None
    error: str = ""


def send_request(channel: socket.socket, request: Mapping[str, Any]) -> None:
    """Ask; RuntimeError for what is larger than the supervisor takes, and where it is gone."""
    body = json.dumps(request).encode()
    if len(body) > _MOST_BYTES:
        raise RuntimeError(f"an extension's sources may hold {_MOST_BYTES >> 20} MiB, not {len(body) >> 20}")
    with _nobody_there():
        channel.sendall(_HEAD.pack(len(body), 0) + body)


def recv_answer(channel: socket.socket) -> Answer:
    """Wait for the supervisor's answer; RuntimeError where it is gone."""
    length, following = _HEAD.unpack(_exactly(channel, _HEAD.size))
    head = json.loads(_exactly(channel, length))
    return Answer(_exactly(channel, following) if head["built"] else None, head["error"])


def _exactly(channel: socket.socket, size: int) -> bytes:
    taken = bytearray()
    while len(taken) < size:
        with _nobody_there():
            chunk = channel.recv(min(size - len(taken), 1 << 20))
        if not chunk:
            raise RuntimeError(_NOBODY)
        taken += chunk
    return bytes(taken)


@contextmanager
def _nobody_there() -> Iterator[None]:
    """Say in the same words that the supervisor is gone, whenever in the block that shows."""
    try:
        yield
    except ConnectionError as error:
        raise RuntimeError(_NOBODY) from error


async def recv_request(channel: socket.socket) -> Request | None:
    """The next request; None once there will be none, or where it is not one that can be read."""
    loop = asyncio.get_running_loop()
    head = await _taken(loop, channel, _HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, _following = _HEAD.unpack(head)
    body = await _taken(loop, channel, length) if length <= _MOST_BYTES else b""
    try:
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


async def send_library(channel: socket.socket, library: Path) -> None:
    """Answer the request that was received last with a library, which is never whole in memory."""
    with open_plain(library) as file:
        size = os.fstat(file.fileno()).st_size
        await _send(channel, {"built": True, "error": ""}, size)
        await asyncio.get_running_loop().sock_sendfile(channel, file, 0, size)


async def send_error(channel: socket.socket, error: str) -> None:
    """Answer the request that was received last with what load_inline is to raise."""
    await _send(channel, {"built": False, "error": error}, 0)


async def _send(channel: socket.socket, message: Mapping[str, Any], following: int) -> None:
    body = json.dumps(message).encode()
    await asyncio.get_running_loop().sock_sendall(channel, _HEAD.pack(len(body), following) + body)


async def _taken(loop: asyncio.AbstractEventLoop, channel: socket.socket, size: int) -> bytes:
    taken = bytearray()
    while len(taken) < size:
        chunk = await loop.sock_recv(channel, min(size - len(taken), 1 << 20))
        if not chunk:
            break
        taken += chunk
    return bytes(taken)


_DECODER = msgspec.json.Decoder(Request)
