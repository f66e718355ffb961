"""Which KernelBench is run, under which interpreter, and what is said where that can't be."""

import json
import sys
from pathlib import Path

import pytest

from caesar.errors import UsageError
from caesar.evaluators import installation
from caesar.evaluators.installation import asked, find_installation

TOLD = {"python": "3.11.7", "torch": "2.13", "absent": [], "package": None, "wrong": None}


def checkout(folder, *, evaluator="one"):
    package = folder / "src" / "kernelbench"
    package.mkdir(parents=True, exist_ok=True)
    (package / "eval.py").write_text(evaluator)
    (package / "timing.py").write_text("")
    return package


def interpreter(folder, **told):
    """A program that answers as an interpreter would."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(TOLD | told)}\nEND\n")
    program.chmod(0o755)
    return program


def test_a_checkout_is_found_and_named_by_its_evaluators_content(tmp_path):
    package = checkout(tmp_path)
    first = find_installation({}, root=tmp_path)
    checkout(tmp_path, evaluator="two")

    assert package == first.package
    assert first.version != find_installation({}, root=tmp_path).version


def test_a_folder_without_kernelbench_is_a_sentence_that_says_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="is no checkout of KernelBench"):
        find_installation({}, root=tmp_path)


def test_an_interpreter_that_cannot_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="KERNELBENCH_PYTHON"):
        find_installation({"KERNELBENCH_PYTHON": str(tmp_path / "python")}, root=None)


@pytest.mark.parametrize("root", [True, False])
def test_a_program_that_is_no_python_is_refused(tmp_path, root):
    checkout(tmp_path)

    with pytest.raises(UsageError, match="/bin/true does not answer as a Python does"):
        find_installation({"KERNELBENCH_PYTHON": "/bin/true"}, root=tmp_path if root else None)


def test_our_own_interpreter_is_refused_where_it_lacks_what_kernelbench_imports(tmp_path, monkeypatch):
    checkout(tmp_path)
    monkeypatch.setattr(installation, "_NEEDED", ("torch", "nowhere_to_be_found"))

    with pytest.raises(UsageError, match=r"lacks nowhere_to_be_found, .* -m pip install nowhere_to_be_found"):
        find_installation({}, root=tmp_path)


def test_another_interpreter_may_have_its_own_package_which_is_named_by_its_content(tmp_path):
    package = checkout(tmp_path)
    python = interpreter(tmp_path, package=str(package))

    found = find_installation({"KERNELBENCH_PYTHON": str(python)}, root=None)

    assert (package, python) == (found.package, found.python)
    assert find_installation({}, root=tmp_path).version == found.version


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"absent": ["torch", "tqdm"]}, "lacks torch, tqdm, .* -m pip install torch tqdm"),
        ({"package": None}, "has no KernelBench installed: set KERNELBENCH_ROOT"),
        ({"package": "/kb", "wrong": "SyntaxError: bad"}, "in /kb can't be imported by .*: SyntaxError: bad"),
    ],
)
def test_an_interpreter_that_lacks_something_is_a_sentence_that_says_what(tmp_path, told, words):
    with pytest.raises(UsageError, match=words):
        asked(interpreter(tmp_path, **told), None, {})


@pytest.mark.slow
def test_a_real_interpreter_is_asked_in_an_environment_without_keys_and_imports_no_client(tmp_path):
    body = (
        "import os, openai, litellm, dotenv\nfrom . import timing\nprint('chatter')\n"
        "if 'OPENAI_API_KEY' in os.environ or dotenv.__spec__: raise ImportError('not alone')\n"
    )
    package = checkout(tmp_path, evaluator=body)

    found, told = asked(Path(sys.executable), package, {"OPENAI_API_KEY": "secret"})

    assert (package, (), None) == (found, told.absent, told.wrong)
    assert told.torch is not None


@pytest.mark.slow
def test_an_evaluator_that_can_not_be_imported_is_said_to(tmp_path):
    package = checkout(tmp_path, evaluator="import nowhere_to_be_found")

    with pytest.raises(UsageError, match="ModuleNotFoundError: No module named 'nowhere_to_be_found'"):
        asked(Path(sys.executable), package, {})
