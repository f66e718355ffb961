import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.domain import Problem
from caesar.errors import UsageError
from caesar.problems.suite import Suite
from caesar.problems.suites import select

NAMES = ("ReLU", "LeakyReLU", "Softmax_", "GELU", "Swish")
SUITE = Suite("s", tuple(Problem("s", str(number), name, "") for number, name in enumerate(NAMES, start=8)))


def chosen(*ids, limit=None):
    return [problem.id for problem in select(SUITE, ids=ids, limit=limit)]


def test_without_ids_all_are_chosen():
    assert SUITE.problems == select(SUITE, ids=None, limit=None)


def test_a_limit_keeps_the_first():
    assert SUITE.problems[:2] == select(SUITE, ids=None, limit=2)
    assert ["9", "10"] == chosen("12", "9-11", limit=2)


def test_ids_and_ranges_are_chosen_once_in_the_suites_order():
    assert ["8", "9", "10", "12"] == chosen("12", "9-10", "10", "8")


def test_a_range_takes_what_exists_of_it():
    assert ["11", "12"] == chosen("11-200")


@pytest.mark.parametrize("name", ["softmax", "Softmax_", "10_softmax", "SOFTMAX"])
def test_a_problem_may_be_named_in_any_case(name):
    assert ["10"] == chosen(name)


def test_an_id_that_looks_like_a_range_is_an_id_first():
    suite = Suite("s", (Problem("s", "1-2", "1-2", ""), Problem("s", "1", "A", "")))

    assert suite.problems[:1] == select(suite, ids=["1-2"], limit=None)


@pytest.mark.parametrize("wanted", ["7", "1-7", "12-8", "200"])
def test_a_number_that_matches_nothing_is_answered_with_what_there_is(wanted):
    with pytest.raises(UsageError, match=f"no problem '{wanted}'; it has 8, 9, 10, 11, 12"):
        chosen("8", wanted)


def test_a_misspelt_name_is_answered_with_near_ones():
    with pytest.raises(UsageError, match=r"no problem 'sotfmax'; did you mean 10 \(Softmax_\)"):
        chosen("sotfmax")


def test_a_long_list_of_ids_is_shortened():
    suite = Suite("s", tuple(Problem("s", str(number), f"P{number}", "") for number in range(1, 101)))

    with pytest.raises(UsageError, match=r"it has 1, 2, 3 \.\.\. 100 \(100 problems\)"):
        select(suite, ids=["101"], limit=None)


def test_an_empty_choice_is_refused():
    with pytest.raises(UsageError, match="leave ids out to choose all"):
        chosen()


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(limit):
    with pytest.raises(UsageError, match="at least 1"):
        chosen("8", limit=limit)


@given(st.lists(st.sampled_from(["8", "9", "10", "11", "12", "8-10", "11-12", "gelu"]), min_size=1))
def test_the_order_of_the_choice_never_matters(ids):
    assert chosen(*ids) == chosen(*reversed(ids)) == sorted(set(chosen(*ids)), key=int)
