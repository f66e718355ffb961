import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.builders.buildlog import cut, tidy

WARNING = "main.cpp: In function 'int f()':\nmain.cpp:2:7: warning: unused variable 'x'\n    2 |   int x;\n"
ERROR = "main.cpp: In function 'int g()':\nmain.cpp:9:3: error: 'y' was not declared\n    9 |   y = 1;\n"


def test_the_first_error_comes_first():
    log = tidy(WARNING + ERROR, shown={})

    assert (ERROR + WARNING).strip() == log.strip()


def test_what_is_no_compilers_keeps_its_order():
    output = 'Traceback (most recent call last):\n  File "candidate.py", line 1\nKeyError: 3'

    assert output == tidy(output, shown={})


def test_folders_are_shown_under_other_names():
    log = tidy(
        "/tmp/work-1/main.cpp:1:1: error: no\n/opt/site/torch/x.h:2:2: note: here",
        shown={"/tmp/work-1/": "", "/opt/site/": ""},
    )

    assert "main.cpp:1:1: error: no\ntorch/x.h:2:2: note: here" == log


def test_chains_of_instantiations_are_folded():
    chain = "\n".join(f"a.h:{n}:1:   required from 'struct Deep<{n}>'" for n in range(60))

    log = tidy(f"a.h: In instantiation of 'X':\n{chain}\na.h:3:1: error: no type", shown={})

    assert [
        "a.h: In instantiation of 'X':",
        "[... 59 lines of template instantiation ...]",
        "a.h:59:1:   required from 'struct Deep<59>'",
        "a.h:3:1: error: no type",
    ] == log.splitlines()


def test_control_characters_are_removed():
    assert "red and plain" == tidy("\x1b[31mred\x1b[0m and\x07 plain\x00", shown={})


def test_a_long_log_is_cut_in_the_middle_with_a_mark():
    log = cut("a" * 50 + "b" * 1000 + "c" * 50, chars=60)

    assert log.startswith("a" * 40)
    assert log.endswith("c" * 20)
    assert "[... 1040 characters cut; the full log has them ...]" in log


@given(st.text())
def test_no_log_holds_a_control_character_but_newlines(text):
    assert all(
        character == "\n" or character.isprintable() or ord(character) > 0x9F
        for character in tidy(text, shown={})
    )


@pytest.mark.parametrize(
    "line", ["error." * 700_000, ":1" * 2_000_000, "\x1b[" + "1;" * 2_000_000, "fatal" + " " * 4_000_000]
)
def test_a_long_line_is_read_in_linear_time(line):
    """One that grows with the square of the length would not end within hours."""
    assert len(tidy(line, shown={})) <= len(line)
