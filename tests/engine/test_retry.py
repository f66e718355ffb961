"""When a fault is tried again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from caesar.engine.retry import ATTEMPTS, retry_at
from caesar.errors import Fault


def delay_s(fault: Fault, *, tries: int, request: str = "r") -> float | None:
    at_us = retry_at(fault, tries=tries, request=request, now_us=1_000_000)
    return None if at_us is None else (at_us - 1_000_000) / 1e6


@given(st.integers(1, ATTEMPTS - 1), st.text())
def test_delays_double_and_jitter_stays_within_a_half(tries, request):
    least = min(60.0, 2.0 ** (tries - 1))

    assert least <= delay_s(Fault("model", "busy"), tries=tries, request=request) <= 1.5 * least


def test_the_same_fault_is_retried_after_the_same_delay():
    assert delay_s(Fault("model", "busy"), tries=2) == delay_s(Fault("model", "slow"), tries=2)


def test_what_the_other_side_asked_for_wins():
    assert 7.5 == delay_s(Fault("model", "busy", retry_after_s=7.5), tries=1)


def test_a_permanent_fault_is_not_tried_again():
    assert delay_s(Fault("model", "no such model", permanent=True), tries=1) is None


def test_attempts_end():
    assert delay_s(Fault("model", "busy"), tries=ATTEMPTS) is None
