import os
import time

import pytest

from caesar.devices.bell import Bell, ring

AT_ONCE_S = 30.0


def test_what_is_given_up_is_heard_at_once(tmp_path):
    bell = tmp_path / "bell-1"

    with Bell.hung(bell) as head:
        ring([bell], "cpu:0")
        ring([bell], "cpu:1")
        began = time.monotonic()
        heard = head.heard(60.0)

    assert {"cpu:0", "cpu:1"} <= set(heard)
    assert time.monotonic() - began < AT_ONCE_S


def test_where_nothing_is_given_up_nothing_is_heard(tmp_path):
    with Bell.hung(tmp_path / "bell-1") as head:
        assert () == head.heard(0.01)


def test_a_ring_is_for_the_head_that_listens_and_not_for_the_next(tmp_path):
    bell = tmp_path / "bell-1"

    ring([bell], "before it was ever hung")
    with Bell.hung(bell):
        ring([bell], "for another head")
    ring([bell], "while nobody listens")
    with Bell.hung(bell) as head:
        assert () == head.heard(0.01)


def test_every_bell_is_rung_though_nobody_listens_to_the_first(tmp_path):
    bells = [tmp_path / "bell-1", tmp_path / "bell-2"]

    with Bell.hung(bells[1]) as head:
        ring(bells, "cpu:0")
        assert "cpu:0" in head.heard(AT_ONCE_S)


def test_ringing_never_waits_for_a_head_that_does_not_listen_any_more(tmp_path):
    bell = tmp_path / "bell-1"

    with Bell.hung(bell):
        for _ in range(2000):
            ring([bell], "x" * 100)


def test_words_that_are_no_text_are_heard_as_some(tmp_path):
    bell = tmp_path / "bell-1"

    with Bell.hung(bell) as head:
        bell.write_bytes(b"\xff\n")
        assert head.heard(AT_ONCE_S)


def test_what_is_no_fifo_is_no_bell(tmp_path):
    (tmp_path / "bell-1").touch()

    with pytest.raises(OSError, match="bell-1 is no FIFO"), Bell.hung(tmp_path / "bell-1"):
        pass


def test_a_bell_is_for_whoever_may_write_to_the_folder(tmp_path):
    tmp_path.chmod(0o1777)
    before = os.umask(0o077)
    try:
        with Bell.hung(tmp_path / "bell-1"):
            pass
    finally:
        os.umask(before)

    assert 0o666 == (tmp_path / "bell-1").stat().st_mode & 0o777
