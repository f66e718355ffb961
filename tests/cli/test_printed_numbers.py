"""What the terminal is told, as text."""

from __future__ import annotations

import json

import pytest

from caesar.cli.output import emit_json, one_line, ratio


@pytest.mark.parametrize(
    ("speedup", "text"),
    [(12.345, "12.35"), (1.0, "1.00"), (0.1, "0.10"), (0.0123, "0.012"), (0.00005, "5e-05")],
)
def test_a_speedup_keeps_two_digits_however_slow_the_candidate(speedup, text):
    assert text == ratio(speedup)


def test_what_is_kept_to_its_line_can_neither_begin_another_nor_move_the_cursor():
    assert "a b \ufffd[2J" == one_line("a\n\tb \x1b[2J")


def test_json_holds_nothing_that_a_terminal_acts_on_and_every_letter_as_it_is(capsys):
    value = {"detail": "\x1b[2J \u009b31m \u202e caf\u00e9"}

    emit_json(value)

    printed = capsys.readouterr().out
    assert value == json.loads(printed)
    assert "caf\u00e9" in printed
    assert not {"\x1b", "\u009b", "\u202e"} & set(printed)
