from hypothesis import given
from hypothesis import strategies as st

from caesar.sandbox.output import Output


def test_a_short_output_is_kept_whole():
    output = Output(1000)

    output.feed("grüße ".encode())
    output.feed(b"twice")

    assert "grüße twice" == output.text


def test_a_long_output_keeps_head_and_tail_and_says_how_much_is_missing():
    output = Output(1000, kept=8)

    within = [output.feed(chunk) for chunk in (b"head", b"middle", b"ta", b"il")]

    assert all(within)
    assert "head\n[... 6 bytes left out ...]\ntail" == output.text


def test_a_byte_more_than_the_limit_is_too_much():
    output = Output(5)

    assert output.feed(b"12345")
    assert not output.feed(b"6")
    assert not output.feed(b"7")


def test_undecodable_bytes_are_replaced():
    output = Output(10)

    output.feed(b"a\xff\xed\xa0\x80b")

    assert output.text.encode().decode() == output.text
    assert "\ufffd" in output.text


@given(st.lists(st.binary(max_size=30)), st.integers(0, 200), st.integers(1, 20))
def test_what_is_kept_depends_on_what_was_said_not_on_how_it_was_cut(chunks, limit, half):
    output = Output(limit, kept=2 * half)
    said = b"".join(chunks)[: limit + 1]

    for chunk in chunks:
        output.feed(chunk)

    missing = len(said) - 2 * half
    mark = f"\n[... {missing} bytes left out ...]\n".encode()
    kept = said[:half] + mark + said[-half:] if missing > 0 else said
    assert kept.decode("utf-8", "replace") == output.text
    assert output._tail_bytes < half + 30
