import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.prompts.clean import clean, cut, fence_for, scrubbed, visible

ANY_TEXT = st.text(st.characters() | st.sampled_from("\x1b[]m\x9b\r\n\u200b\ud800`"), max_size=300)


def test_every_character_that_a_reader_cannot_see_is_removed():
    hidden = [char for char in map(chr, range(0x110000)) if unicodedata.category(char) in {"Cc", "Cf", "Cs"}]

    left = set(visible("".join(hidden).replace("\x1b", "").replace("\x9b", "")))

    assert {"\n", "\t"} == left


def test_what_a_reader_can_see_stays():
    text = "error: \u2018x\u2019 was not declared\t\u00e4\u4f60 \U0001f600\n    ^~~~"

    assert text == visible(text)


@pytest.mark.parametrize("around", ["{}", "{}\n", "\u00e4{}"])
def test_what_is_printable_in_ascii_stays_whatever_is_around_it(around):
    text = around.format("".join(filter(str.isprintable, map(chr, range(128)))))

    assert text == visible(text)


def test_what_python_calls_printable_but_nobody_sees_is_removed():
    selector = "\U000e0101"

    assert selector.isprintable()
    assert "ab" == visible(f"a{selector}b")


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[31m",
        "\x1b[1;38;5;9m",
        "\x9b0m",
        "\x1b]0;title\x07",
        "\x1b]8;;http://x\x1b\\",
        "\x1b(B",
        "\x1bM",
        "\x1bP1$r\x1b\\",
    ],
)
def test_escape_sequences_leave_nothing_behind(sequence):
    assert "ab" == visible(f"a{sequence}b")


def test_an_unterminated_escape_hides_no_text():
    assert "]0;visible" == visible("\x1b]0;visible"[1:])
    assert "visible" in visible("\x1b]0;visible")


@pytest.mark.parametrize("line_end", ["\r\n", "\r", "\n", "\u2028", "\x0b", "\x0c", "\x85"])
def test_line_ends_become_newlines(line_end):
    assert "a\nb" == visible(f"a{line_end}b")


def test_a_short_text_is_not_cut():
    assert "abc" == cut("abc", max_chars=3)


def test_a_long_text_loses_its_middle_with_a_mark_that_counts():
    text = "a" * 500 + "b" * 500

    short = cut(text, max_chars=100)

    head, mark, tail = short.split("\n")
    assert f"[... {1000 - len(head) - len(tail)} characters cut ...]" == mark
    assert "a" * len(head) == head
    assert "b" * len(tail) == tail
    assert abs(len(head) - len(tail)) <= 1


def test_where_the_mark_does_not_fit_the_text_ends_early():
    assert "aaaaa" == cut("a" * 100, max_chars=5)


@given(st.text(max_size=500), st.integers(0, 200))
def test_a_cut_text_is_never_longer_than_asked(text, max_chars):
    assert len(cut(text, max_chars=max_chars)) <= max_chars


@given(ANY_TEXT, st.integers(0, 400))
def test_cleaning_twice_changes_nothing(text, max_chars):
    once = clean(text, max_chars=max_chars)

    assert once == clean(once, max_chars=max_chars)


@given(ANY_TEXT)
def test_a_clean_text_has_no_control_characters_and_can_be_stored(text):
    left = clean(text, max_chars=1000)

    assert left.encode().decode() == left
    assert not {char for char in left if unicodedata.category(char) in {"Cc", "Cf", "Cs"}} - {"\n", "\t"}


def test_ten_megabytes_are_cleaned_to_a_bounded_text():
    assert 4000 == len(clean("\x1b[31mx" * 1_700_000, max_chars=4000))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("NVIDIA H200", "on NVIDIA H200: failed"),
        ("NVIDIA H200", "on nvidia_h200: failed"),
        ("NVIDIA H200", "on h200: failed"),
        ("NVIDIA H200", "on NVIDIA: failed"),
        ("NVIDIA A100-SXM4-80GB", "on A100: failed"),
        ("NVIDIA GeForce RTX 4090", "on RTX 4090: failed"),
        ("Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", "on 8481C: failed"),
    ],
)
def test_a_hardware_name_and_its_telling_parts_are_replaced(name, text):
    assert "on [device]: failed" == scrubbed(text, name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", "tensor is on cpu, CPU expected, 70 elements"),
        ("AMD EPYC 7B13 64-Core Processor", "processor 64 core amd64 epycs"),
        ("NVIDIA GeForce RTX 4090", "index 4090 is out of bounds"),
        ("NVIDIA H200", "site-packages/nvidia/include, H2000, GH200"),
        ("CPU", "the CPU device"),
    ],
)
def test_words_that_tell_nothing_stay(name, text):
    assert text == scrubbed(text, name)


def test_without_a_name_nothing_is_replaced():
    assert "NVIDIA H200" == scrubbed("NVIDIA H200", None)


@given(st.text(alphabet="NVIDAH20 nvidah-_x", max_size=60))
def test_a_scrubbed_text_never_holds_the_name(text):
    assert "NVIDIA H200" not in scrubbed(text + "NVIDIA H200" + text, "NVIDIA H200")


@given(st.text(alphabet="`\na", max_size=100))
def test_no_text_holds_its_own_fence(text):
    fence = fence_for(text)

    assert len(fence) >= 3
    assert fence not in text
