import asyncio
import json
import socket
import struct
from collections.abc import Iterator

import pytest

from caesar.builders.requests import (
    Answer,
    Request,
    recv_answer,
    recv_request,
    send_error,
    send_library,
    send_request,
)
from caesar.sandbox.extensions import Extension, File

GONE = "nobody builds extensions for this process any more"


@pytest.fixture
def channel() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_asking_a_supervisor_that_took_its_leave_says_that_nobody_builds(channel):
    supervisor, child = channel
    supervisor.shutdown(socket.SHUT_RDWR)

    with pytest.raises(RuntimeError, match=GONE):
        send_request(child, {})


@pytest.mark.parametrize("unread", [b"", b"a request"])
def test_waiting_for_a_supervisor_that_is_gone_says_that_nobody_builds(channel, unread):
    supervisor, child = channel
    child.sendall(unread)
    supervisor.close()

    with pytest.raises(RuntimeError, match=GONE):
        recv_answer(child)


def test_an_answer_that_breaks_off_says_that_nobody_builds(channel):
    supervisor, child = channel
    supervisor.sendall(bytes(8))
    supervisor.shutdown(socket.SHUT_RDWR)

    with pytest.raises(RuntimeError, match=GONE):
        recv_answer(child)


def received(channel, body: bytes, *, length: int | None = None) -> Request | None:
    """What the supervisor reads where a candidate writes this, and nothing more."""
    supervisor, child = channel
    supervisor.setblocking(False)
    child.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    child.sendall(struct.pack("!IQ", len(body) if length is None else length, 0) + body)
    child.shutdown(socket.SHUT_WR)
    return asyncio.run(recv_request(supervisor))


def test_a_request_is_read(channel):
    extension = {"name": "e", "files": [{"path": "a.cpp", "text": "int x;", "compiled": True}]}

    request = received(channel, json.dumps({"extension": extension, "real": True}).encode())

    assert Request(Extension("e", (File("a.cpp", "int x;", compiled=True),)), real=True) == request


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"\xff",
        b'{"extension": {"name": "\xff\xfe", "files": []}, "real": true}',
        b'{"extension": {"name": "\\ud800", "files": []}, "real": true}',
        b'{"a":' + b"[" * 100_000,
        b'{"real": ' + b"9" * 5000 + b"}",
    ],
    ids=["nothing", "another", "no text", "a name that is no text", "half a character", "deep", "a number"],
)
def test_what_is_no_request_is_none(channel, body):
    assert received(channel, body) is None


@pytest.mark.parametrize("length", [3, (8 << 20) + 1, (1 << 32) - 1])
def test_a_request_that_breaks_off_or_is_too_long_is_none(channel, length):
    assert received(channel, b"{}", length=length) is None


def answered(channel, answer) -> Answer:
    """Read an answer while it is sent, as more than a socket's buffer holds has to be."""
    supervisor, child = channel
    supervisor.setblocking(False)

    async def scene():
        reading = asyncio.create_task(asyncio.to_thread(recv_answer, child))
        await answer(supervisor)
        return await reading

    return asyncio.run(scene())


def test_a_library_arrives_whole(channel, tmp_path):
    library = tmp_path / "a.so"
    library.write_bytes(bytes(range(256)) * 20_000)

    got = answered(channel, lambda supervisor: send_library(supervisor, library))

    assert (library.read_bytes(), "") == (got.library, got.error)


def test_what_load_inline_raises_arrives(channel):
    got = answered(channel, lambda supervisor: send_error(supervisor, "no \N{SNOWMAN}"))

    assert (None, "no \N{SNOWMAN}") == (got.library, got.error)
