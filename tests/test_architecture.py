"""The rules of the house that a machine can check, beside what ruff, mypy and import-linter do."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "caesar"

FOREIGN = ("problems/starter/", "prompts/templates/")
"""Modules that models read and candidates are compared with: KernelBench's format, not ours."""

PURE = ("domain", "effects", "errors", "events", "fsm", "prompts")
IMPURE_MODULES = {
    "os", "sys", "time", "random", "uuid", "subprocess", "socket", "sqlite3", "duckdb", "torch", "logging",
}  # fmt: skip
IMPURE_CALLS = {"open", "input", "eval", "exec", "compile", "print", "__import__"}
IMPURE_METHODS = {
    "now",
    "utcnow",
    "today",
    "read_bytes",
    "write_text",
    "write_bytes",
    "unlink",
    "mkdir",
    "getenv",
}

BROAD = {"Exception", "BaseException"}
BOUNDARIES = {
    "engine/perform.py": "whatever escapes an adapter is recorded as a fault",
    "builders/child.py": "a build's child runs a candidate's module, which may raise anything",
    "evaluators/candidate.py": "a candidate's process runs what may raise anything, and tells the judge",
    "evaluators/judge.py": "a problem's reference may raise anything while the judge gets ready",
    "sandbox/child.py": "whatever ends a job's target is its process's end",
}
"""The modules that may catch everything, and why. Not a list to add to: see the guide, point 15."""


def modules():
    """Every module of ours, with its name inside the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith(FOREIGN):
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def is_pure(name):
    return name.removesuffix(".py").split("/")[0] in PURE


def imported(tree):
    """The top-level packages that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def called(tree):
    """The names of the functions and methods that a module calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield f".{node.func.attr}"


def broad_catches(tree):
    """The lines that catch, or suppress, everything."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = [node.type]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", None) == "suppress":
            caught = node.args
        else:
            continue
        names = {getattr(part, "id", None) for kind in caught if kind is not None for part in ast.walk(kind)}
        if None in caught or names & BROAD:
            yield node.lineno


def defined(tree):
    """The names that a module gives to things: classes, functions, parameters, variables, fields, aliases."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case (
                ast.arg(arg=name)
                | ast.Name(id=name, ctx=ast.Store())
                | ast.Attribute(attr=name, ctx=ast.Store())
            ):
                yield name
            case ast.alias(asname=str(name)):
                yield name


def words_of(name):
    """A name's words in lower case: snake_case, CamelCase and digits taken apart."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def says(name, banned):
    """Whether a name says a banned word, which may itself be of several words."""
    return f" {' '.join(banned.split('_'))} " in f" {' '.join(words_of(name))} "


def banned_words():
    """The left column of the glossary's table of words that are not used."""
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    table = glossary.partition("## Not used")[2]
    return re.findall(r"^\| ([a-z_]+) \| (?!but)", table, flags=re.MULTILINE)


@pytest.mark.slow
def test_imports_point_down_the_layers():
    """In a process of its own: import-linter silences every logger of the one it runs in."""
    program = (
        "import sys, importlinter.cli as linter; sys.exit(linter.lint_imports(no_cache=True, no_logo=True))"
    )

    linted = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert 0 == linted.returncode, linted.stdout + linted.stderr


def test_the_contract_of_the_pure_rooms_is_not_weakened():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    contract = next(each for each in settings["contracts"] if each["name"].startswith("The pure rooms"))

    assert set(contract["forbidden_modules"]) >= IMPURE_MODULES
    assert set(contract["source_modules"]) >= {f"caesar.{room}" for room in PURE}


def test_pure_rooms_have_no_clock_chance_files_processes_or_torch():
    impure = [
        f"{name} imports {package}"
        for name, tree in modules()
        if is_pure(name)
        for package in imported(tree)
        if package in IMPURE_MODULES
    ]

    assert [] == impure


def test_pure_rooms_call_nothing_that_reaches_out():
    forbidden = IMPURE_CALLS | {f".{method}" for method in IMPURE_METHODS}
    impure = [
        f"{name} calls {function}"
        for name, tree in modules()
        if is_pure(name)
        for function in called(tree)
        if function in forbidden
    ]

    assert [] == impure


def test_only_the_command_line_prints():
    printing = [
        name
        for name, tree in modules()
        if not name.startswith("cli/")
        for call in called(tree)
        if call == "print"
    ]

    assert [] == printing


def test_everything_is_caught_only_at_the_boundaries():
    broad = [
        f"{name}:{line}" for name, tree in modules() if name not in BOUNDARIES for line in broad_catches(tree)
    ]

    assert [] == broad


@pytest.mark.parametrize("name", sorted(BOUNDARIES))
def test_a_boundary_catches_everything_in_one_place(name):
    tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))

    assert 1 == len(list(broad_catches(tree)))


def test_words_that_the_glossary_bans_name_nothing():
    banned = banned_words()
    used = [
        f"{name}: {given} says {word}"
        for name, tree in modules()
        for given in (*name.removesuffix(".py").split("/"), *defined(tree))
        for word in banned
        if says(given, word)
    ]

    assert [] == sorted(set(used))


def test_the_glossary_bans_the_words_of_the_design():
    assert {"round", "iteration", "k", "kernel_code", "utils", "helpers", "manager"} <= set(banned_words())


@pytest.mark.parametrize(
    ("name", "banned", "expected"),
    [
        ("max_k", "k", True),
        ("token", "k", False),
        ("RunManager", "manager", True),
        ("kernel_codes", "kernel_code", False),
        ("the_kernel_code", "kernel_code", True),
        ("KernelCode", "kernel_code", True),
        ("HTTPRound", "round", True),
        ("rounded", "round", False),
    ],
)
def test_a_name_says_a_word_only_as_a_whole(name, banned, expected):
    assert expected is says(name, banned)


@pytest.mark.slow
def test_the_command_starts_without_anything_heavy():
    heavy = ("torch", "litellm", "duckdb", "pyarrow", "jsonschema", "asyncio", "jinja2", "numpy")
    program = f"import sys, caesar.cli.main; sys.exit(' '.join(sorted(set({heavy!r}) & set(sys.modules))))"

    started = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert "" == started.stderr.strip()
