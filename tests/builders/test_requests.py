import socket
from collections.abc import Iterator

import pytest

from caesar.builders.requests import recv_answer, send_request

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
