"""Which work comes next: alike after alike, and nobody waits without bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from caesar.engine.grouping import Grouping


def test_the_first_in_line_comes_first_where_nothing_was_done_before():
    assert 0 == Grouping().choose(["b", "a"], now_s=0.0)


def test_work_like_the_last_one_comes_first():
    assert 1 == Grouping("a").choose(["b", "a", "a"], now_s=0.0)


def test_work_without_an_affinity_is_like_nothing():
    assert 0 == Grouping("").choose(["b", ""], now_s=0.0)


def test_the_first_in_line_is_not_overtaken_for_longer_than_it_may_be():
    grouping = Grouping("a", within_s=30.0)

    chosen = [grouping.choose(["b", "a"], now_s=now_s) for now_s in (0.0, 29.0, 30.0)]

    assert [1, 1, 0] == chosen


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=60), st.sampled_from("abc"))
def test_nobody_is_overtaken_more_often_than_the_first_in_line_may_be(line, last):
    grouping, waiting, overtaken = Grouping(last), list(enumerate(line)), 0
    served = []
    while waiting:
        place = grouping.choose([affinity for _, affinity in waiting], now_s=0.0)
        overtaken = overtaken + 1 if place else 0
        assert overtaken <= grouping.most
        served.append(waiting.pop(place)[0])

    assert sorted(served) == list(range(len(line)))
