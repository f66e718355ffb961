"""What the terminal is told, as text."""

from __future__ import annotations

import pytest

from caesar.cli.output import one_line, ratio


@pytest.mark.parametrize(
    ("speedup", "text"),
    [(12.345, "12.35"), (1.0, "1.00"), (0.1, "0.10"), (0.0123, "0.012"), (0.00005, "5e-05")],
)
def test_a_speedup_keeps_two_digits_however_slow_the_candidate(speedup, text):
    assert text == ratio(speedup)


def test_what_is_kept_to_its_line_can_neither_begin_another_nor_move_the_cursor():
    assert "a b \ufffd[2J" == one_line("a\n\tb \x1b[2J")
