import fcntl
import os
import threading

import pytest

from caesar.devices.turnstile import Line, Turnstile, lines


def test_nobody_waits_where_nobody_stands_in_line(tmp_path):
    assert () == lines(tmp_path)
    assert not Turnstile(tmp_path, ["a"]).others_wait("a", including_own_line=True)


def test_the_head_of_a_line_waits_for_its_devices_only(tmp_path):
    line = Turnstile(tmp_path, ["b", "a"])

    with line.passed():
        assert (Line(("a", "b"), 1),) == lines(tmp_path)
        assert line.others_wait("a", including_own_line=True)
        assert not line.others_wait("a", including_own_line=False)
        assert not line.others_wait("c", including_own_line=True)
        assert Turnstile(tmp_path, ["a"]).others_wait("a", including_own_line=False)


def test_lines_for_the_same_devices_are_one_line_in_whatever_order_they_are_named(tmp_path):
    with Turnstile(tmp_path, ["a", "b"]).passed():
        assert not Turnstile(tmp_path, ["b", "a"]).others_wait("a", including_own_line=False)


@pytest.mark.timeout(10)
def test_a_fifo_that_is_named_like_a_line_keeps_nobody_waiting(tmp_path):
    fifo = tmp_path / "turnstile-0"
    os.mkfifo(fifo)
    line = Turnstile(tmp_path, ["a"])
    told = line.others_wait("a", including_own_line=True)
    descriptor = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    assert not told
    assert not line.others_wait("a", including_own_line=True)
    os.close(descriptor)


@pytest.mark.slow
def test_who_came_first_is_served_first(tmp_path):
    served = []
    threads = []

    def work(name):
        with Turnstile(tmp_path, ["a"]).passed():
            served.append(name)

    with Turnstile(tmp_path, ["a"]).passed():
        for name in range(5):
            threads.append(threading.Thread(target=work, args=(name,)))
            threads[-1].start()
            while lines(tmp_path)[0].waiting < name + 2:
                pass
    for thread in threads:
        thread.join()

    assert list(range(5)) == served
