"""Checks of C++ sources by the machine's own compiler; none of them takes in PyTorch's headers."""

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from caesar.builders.checks import Ending
from caesar.builders.commands import Recipe
from caesar.builders.steps import Step
from caesar.builders.toolchain import Toolchain
from caesar.effects import Backend
from caesar.sandbox.extensions import Extension, File
from caesar.sandbox.job import Ended, How

pytestmark = pytest.mark.slow

TEMPLATE = "template <class T> int f(T t) { return t.missing(); }\nint g() { return f(1); }\n"


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    return Toolchain.find(Backend.CPU, os.environ)


@pytest.fixture
def check(toolchain, tmp_path):
    """How the check of a source ends."""

    def checked(text: str, *flags: str) -> Step:
        if not toolchain.places.gcc:
            pytest.skip("the compiler is no GCC, whose checks are whole")
        extension = Extension("e", (File("main.cpp", text, compiled=True),), cflags=flags)
        recipe = Recipe(extension, toolchain.places, toolchain.std, None, tmp_path, tmp_path, tmp_path)
        (tmp_path / "main.cpp").write_text(text)
        ending = Ending()
        unit = replace(recipe.units[0], source=str(ending.copied(Path(recipe.units[0].source))))
        ran = subprocess.run(recipe.check(unit), cwd=tmp_path, capture_output=True, text=True, check=False)
        return ending.read(Step(Ended(How.EXITED, 0, (), ran.stderr, 1.0), ran.returncode, 1.0, 1))

    return checked


@pytest.mark.parametrize(
    "text",
    ["int x;\n", "int x;", "", "#define static_assert(...)\nint x;\n", "#pragma once\n", "// ends in a \\\n"],
)
def test_a_source_without_errors_has_none(check, text):
    assert check(text).ok


@pytest.mark.parametrize(
    "flag", ["-Wall", "-Werror", "-Wfatal-errors", "-pedantic", "-fmax-errors=1", "-w", "-O3"]
)
def test_no_flag_makes_an_error_of_the_ending(check, flag):
    assert check("int x;\n", flag, "-Werror").ok


def test_errors_are_shown_at_their_lines_and_nothing_else_is(check, tmp_path):
    step = check("int x = one;\n\nint y = two;\n")

    assert not step.ok
    assert [f"{tmp_path}/main.cpp:1:9", f"{tmp_path}/main.cpp:3:9"] == [
        line.partition(": error:")[0] for line in step.words.splitlines() if ": error:" in line
    ]
    assert "    3 | int y = two;" in step.words.splitlines()
    assert not any(word in step.words for word in ("static_assert", "end-of-source", "max-errors"))


@pytest.mark.parametrize(
    ("text", "mention"),
    [
        ("#include <no/such/header>\n", "fatal error: no/such/header"),
        ("#error told so\n", "told so"),
        ("int f() { return missing;\n", "missing"),
        ("#if 1\nint x;\n", "unterminated #if"),
        ("/* int x;\n", "unterminated comment"),
        ("struct s {}", "after struct"),
        ("#warning odd\n", "odd"),
        ("\n".join(f"int x{number} = missing;" for number in range(100)), "x63"),
    ],
)
def test_whatever_is_wrong_is_found(check, text, mention):
    step = check(text, "-Werror")

    assert not step.ok
    assert mention in step.words


@pytest.mark.parametrize("text", [TEMPLATE, "namespace n {\n", "int x", "int f() { return 1 +"])
def test_what_shows_only_after_the_end_of_a_source_is_not_looked_for(check, text):
    assert check(text).ok


def test_flags_that_no_compiler_takes_fail(check):
    step = check("int x;\n", "-march=odd")

    assert not step.ok
    assert "-march=" in step.words


def test_a_check_that_was_ended_is_no_success(tmp_path):
    source = tmp_path / "main.cpp"
    source.write_text("int x;\n")
    ending = Ending()
    said = f"{ending.token}\n" * 100
    killed = Step(Ended(How.TIMED_OUT, 0, (), said, 1.0), -signal.SIGKILL, 1.0, 1)

    assert killed == ending.read(killed)


def test_a_source_can_not_know_its_ending():
    assert Ending().token != Ending().token
