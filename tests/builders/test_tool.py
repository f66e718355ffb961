import json
import sys

import pytest

from caesar.builders.tool import run


def said_of(command: list[str]) -> dict:
    replies: list[bytes] = []
    run(json.dumps(command).encode(), replies.append)
    (reply,) = replies
    return json.loads(reply)


@pytest.mark.parametrize("status", [0, 3])
def test_how_a_command_ended_is_replied(status):
    assert status == said_of([sys.executable, "-c", f"raise SystemExit({status})"])["status"]


@pytest.mark.parametrize(
    ("argument", "words"),
    [("x" * 200_000, "its arguments are too long"), ("a\0b", "null"), ("\ud800", "surrogates")],
)
def test_arguments_that_no_program_can_be_given_are_the_commands_failure(argument, words, capfd):
    assert 1 == said_of([sys.executable, argument])["status"]
    assert words in capfd.readouterr().err


def test_a_program_that_can_not_be_started_is_not(tmp_path):
    with pytest.raises(FileNotFoundError):
        said_of([str(tmp_path / "none")])
