import pytest
from prompt_cases import turn

from caesar.domain import History
from caesar.prompts.history import shown

TURNS = (turn("no_code", 1), turn("passed", 2), turn("crashed", 3))


@pytest.mark.parametrize(
    ("history", "numbers"), [(History.NONE, []), (History.LAST, [3]), (History.ALL, [1, 2, 3])]
)
def test_a_history_shows_its_turns_in_order(history, numbers):
    assert numbers == [view.number for view in shown(history, TURNS)]


@pytest.mark.parametrize("history", History)
def test_before_the_first_turn_nothing_is_shown(history):
    assert () == shown(history, ())


@pytest.mark.parametrize("history", History)
def test_showing_what_is_shown_changes_nothing(history):
    views = shown(history, TURNS)

    assert views == shown(history, views)


def test_a_turn_before_the_first_cannot_be_built():
    with pytest.raises(ValueError, match="turns count from 1"):
        turn("passed", 0)
