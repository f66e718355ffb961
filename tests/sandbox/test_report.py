from hypothesis import given
from hypothesis import strategies as st

from caesar.sandbox.job import How
from caesar.sandbox.report import Report


@given(st.builds(Report, st.sampled_from(How), st.integers(0, 255), st.integers(0, 9)))
def test_a_report_arrives_as_it_was_sent(report):
    assert report == Report.decode(report.encode())


@given(st.integers(0, 255))
def test_an_exit_status_is_reported_as_such(code):
    assert Report(How.EXITED, code) == Report.of(code << 8)


@given(st.integers(1, 64), st.booleans())
def test_a_signal_is_reported_with_or_without_a_core_dump(number, dumped):
    assert Report(How.SIGNALLED, number, 2) == Report.of(number | dumped << 7, survivors=2)


def test_a_child_that_would_not_die_counts_as_killed():
    assert Report(How.SIGNALLED, 9, 1) == Report.of(None, survivors=1)
