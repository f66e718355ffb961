"""Reading headers, and telling what came out otherwise."""

from dataclasses import replace

import pytest
from cases import Got, complaints, parse
from judging import HERE, all_cases

HEADER = """\
# problem: relu_add
# rows: isolation 12, kernelbench D1
# verdict: incorrect
# reason: values|timed_output
# note: returns what it had
import torch
# verdict: passed
"""

HARMLESS = HEADER.replace("verdict: incorrect", "verdict: passed|crashed\n# effect: none", 1)


def hostile(source=HEADER):
    return parse("cpu/hostile/some", source)


def passed(**more):
    return Got("built", verdict="passed", median_ms=1.0, speedup=1.0, trials=10, **more)


def test_a_header_ends_where_the_code_begins():
    assert ("incorrect",) == hostile().verdict


def test_rows_are_separated_by_commas_and_alternatives_by_bars():
    case = hostile()

    assert (("isolation 12", "kernelbench D1"), ("values", "timed_output")) == (case.rows, case.reason)


def test_a_build_that_fails_needs_no_verdict():
    source = HEADER.replace("verdict: incorrect", "build: failed(syntax_error)", 1)

    assert () == complaints(hostile(source), Got("failed(syntax_error)"))


@pytest.mark.parametrize(
    ("change", "to", "words"),
    [
        ("verdict: incorrect", "verdict: passed", "no effect"),
        ("verdict: incorrect", "verdicts: passed", "unknown key 'verdicts'"),
        ("reason: values", "verdict: values", "'verdict' twice"),
        ("problem: relu_add", "tiers: none", "'problem' is missing"),
        ("reason: values", "tiers: jail", "no such tier"),
        ("# verdict: incorrect\n", "", "needs a verdict"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(change, to, words):
    with pytest.raises(ValueError, match=words):
        hostile(HEADER.replace(change, to, 1))


def test_an_honest_candidate_has_to_pass():
    with pytest.raises(ValueError, match="is built, and passes"):
        parse("cpu/honest/some", HEADER)


def test_another_verdict_is_complained_about():
    (complaint,) = complaints(hostile(), passed())

    assert "verdict: expected incorrect, got passed(None)" == complaint


def test_another_reason_is_complained_about():
    (complaint,) = complaints(hostile(), Got("built", verdict="incorrect", reason="shape"))

    assert "reason: expected values|timed_output, got shape" == complaint


def test_an_honest_candidate_is_not_to_be_accused():
    honest = parse("cpu/honest/some", "# problem: relu_add\n# rows: isolation 1\n# note: plain\n")

    assert () == complaints(honest, passed(findings=frozenset({"cpu_shared"})))
    (complaint,) = complaints(honest, passed(findings=frozenset({"tampered"})))
    assert "tampered" in complaint


def test_a_finding_has_to_be_there_where_the_first_verdict_came_out():
    case = replace(hostile(HARMLESS), findings=(("children_left", "threads_left"),))

    assert not complaints(case, passed(findings=frozenset({"threads_left"})))
    assert not complaints(case, Got("built", verdict="crashed", reason="values"))
    assert ("finding children_left|threads_left is missing among []",) == complaints(case, passed())


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ({"at_least_ms": 9.0}, "reported 1 ms for work of at least 9 ms"),
        ({"trials_at_least": 11}, "only 10 calls were timed, at least 11 should be"),
        ({"speedup_below": 0.9}, "reported a speedup of 1, which should stay below 0.9"),
    ],
)
def test_a_time_that_can_not_be_is_complained_about(claim, words):
    case = replace(hostile(HARMLESS), **claim)

    assert (words,) == complaints(case, passed())


def test_a_candidate_that_is_faster_than_its_twin_is_complained_about():
    case = replace(hostile(HARMLESS), slower="twin")

    assert not complaints(case, passed(), twin=passed())
    assert ("reported 1 ms, where twin takes 2 ms",) == complaints(
        case, passed(), twin=replace(passed(), median_ms=2.0)
    )


def test_every_candidate_has_a_header_and_a_problem():
    problems = {file.stem for file in (HERE / "problems").glob("*.py")}

    assert set() == {case.problem for case in all_cases()} - problems


def test_there_are_enough_candidates_of_every_kind():
    counts = {}
    for case in all_cases():
        counts[case.device, case.kind] = counts.get((case.device, case.kind), 0) + 1

    least = {("cpu", "hostile"): 55, ("cpu", "honest"): 20, ("cuda", "hostile"): 25, ("cuda", "honest"): 20}
    assert not {kind for kind, number in least.items() if counts.get(kind, 0) < number}


def test_a_twin_is_an_honest_candidate_of_the_same_device():
    names = {case.name for case in all_cases()}

    assert not [
        case.name for case in all_cases() if case.slower and f"{case.device}/honest/{case.slower}" not in names
    ]


def test_a_candidate_that_promises_to_leave_nothing_gives_its_processes_a_name():
    assert not [case.name for case in all_cases() if case.leaves == "nothing" and case.comm is None]
