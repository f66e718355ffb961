"""What of a candidate's extension no compiler is shown, and how much of one is taken in at all.

Where a text is long, time that grows with its square would be hours: the tests would not end.
"""

from dataclasses import replace

import pytest

from caesar.builders.sources import lay_out, unusable
from caesar.sandbox.extensions import Extension, File, excess

LONG = 1 << 20
EXTENSION = Extension("e", (File("main.cpp", "int x;\n", compiled=True),))


def holding(text: str) -> Extension:
    return replace(EXTENSION, files=(File("main.cpp", text, compiled=True),))


def called(*paths: str) -> Extension:
    return replace(EXTENSION, files=tuple(File(path, path, compiled=True) for path in paths))


@pytest.mark.parametrize(
    "text",
    [
        "\n" * LONG,
        " " * LONG,
        "#" + " " * LONG,
        '#include "' + "." * LONG,
        '#include "..\n' * (LONG // 13),
        "#include </usr/a>\n" * (LONG // 18),
        "incbin" * (LONG // 6),
    ],
    ids=["blank lines", "blanks", "blanks in a directive", "dots", "open names", "names", "words"],
)
def test_a_long_source_is_read_in_linear_time(text):
    assert unusable(holding(text)) is None


@pytest.mark.parametrize(
    "text",
    [
        '#include "/etc/passwd"',
        '  #  include "/etc/passwd"',
        '#include </usr/include/stdio.h>\n#include "/etc/passwd"',
        '#include "/usr/../etc/passwd"',
        '#include "../main.cpp"',
        "#include_next </etc/passwd>",
        "#embed </etc/passwd>",
        'asm(".incbin \\"/etc/passwd\\"");',
    ],
)
def test_a_source_takes_in_no_file_by_where_it_lies(text):
    told = unusable(holding(text))

    assert told is not None
    assert "may not take in files by where they lie" in told


def test_a_source_takes_in_what_lies_beside_it_and_the_systems_headers():
    assert unusable(holding('#include "own.h"\n#include <vector>\n#include </usr/include/stdio.h>\n')) is None


def test_a_long_name_of_a_file_is_told_by_its_beginning():
    told = unusable(holding(f'#include "/{"x" * LONG}"'))

    assert told is not None
    assert len(told) < 400


@pytest.mark.parametrize(
    "path",
    [
        "", ".", "..", "a/.", "./a", "a/../b", "/a", "a/", "a//b", "a\0b", "a\nb", '"', "$(a)",
        "x" * 201, "é" * 101,
    ],
)  # fmt: skip
def test_a_file_that_can_not_lie_among_the_sources_is_refused(path):
    told = unusable(called("main.cpp", path))

    assert told is not None
    assert "can't be called" in told


@pytest.mark.parametrize("path", ["a/b.cpp", "a.b/c d.cpp", ".hidden.h", "x" * 200, "é" * 100, "a..b.h"])
def test_a_file_that_can_lie_among_the_sources_is_laid_there(path, tmp_path):
    extension = called("main.cpp", path)

    assert unusable(extension) is None
    lay_out(extension, tmp_path)
    assert path == (tmp_path / path).read_text()


@pytest.mark.parametrize("paths", [("a", "a/b.h"), ("a/b/c.h", "a/b"), ("caesar_prelude.h/a.h",)])
def test_a_file_is_no_folder(paths):
    told = unusable(called("main.cpp", *paths))

    assert told is not None
    assert "can't be a file and a folder" in told


def test_the_preludes_name_is_taken():
    assert unusable(called("main.cpp", "caesar_prelude.h")) == (
        "error: a source can't be called 'caesar_prelude.h'"
    )


def test_two_files_of_one_name_are_one_or_refused():
    main, other = File("a.cpp", "int x;", compiled=True), File("a.cpp", "int y;", compiled=False)

    assert unusable(replace(EXTENSION, files=(main, replace(main, compiled=False)))) is None
    assert "there are two files called 'a.cpp'" in (unusable(replace(EXTENSION, files=(main, other))) or "")


@pytest.mark.parametrize("given", ["cflags", "cuda_cflags", "ldflags", "includes"])
def test_a_flag_with_a_nul_is_refused(given):
    told = unusable(replace(EXTENSION, **{given: ("-DX=a\0b",)}))

    assert "error: a flag holds a NUL character, which no command can be given" == told


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "n" * 15_000_000}, "is longer than 1000 characters"),
        ({"files": EXTENSION.files * 401}, "has more than 400 files"),
        ({"files": (File("p" * 501, "", compiled=True),)}, "is longer than 500 characters"),
        ({"files": (File("a", "x" * LONG, compiled=True), File("b", "x", compiled=False))}, "the sources of"),
        ({"cflags": ("-w",) * 600, "ldflags": ("-s",) * 401}, "has more than 1000 flags"),
        ({"cuda_cflags": ("x" * 15_000_000,)}, "a flag of"),
        ({"includes": ("/usr/" + "x" * 3900,) * 9}, "the flags of"),
    ],
)
def test_more_than_is_compiled_is_said_in_few_words(change, words):
    told = excess(replace(EXTENSION, **change))

    assert told is not None
    assert words in told
    assert len(told) < 200


def test_as_much_as_is_compiled_is_no_excess():
    sources = (File("a", "x" * LONG, compiled=True), *(File("p" * 500, "", compiled=False),) * 399)

    assert excess(Extension("n" * 1000, sources, cflags=("f" * 4000,) * 8)) is None
