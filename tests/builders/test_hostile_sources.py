"""Sources that are hostile at compile time, in every tier this machine offers; a canary may be in no log.

Rows of the threat list: syntax errors, bombs, secrets by #include or .incbin, plugin flags, odd texts.
"""

import asyncio
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from caesar.builders.inline import InlineBuilder
from caesar.domain import BuildOutcome, Candidate
from caesar.effects import Backend, Build, Built, Limits, Request
from caesar.sandbox.box import Tier
from caesar.sandbox.job import Job
from caesar.sandbox.probe import probe
from caesar.sandbox.zygote import Zygote

pytestmark = pytest.mark.slow

CANARY = "CANARY_5a1f_SECRET"


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[asyncio.Runner, Zygote]]:
    zygote = Zygote()
    with asyncio.Runner() as runner:
        runner.run(zygote.__aenter__())
        yield runner, zygote
        runner.run(zygote.__aexit__(None, None, None))


@pytest.fixture(scope="module", params=list(Tier), ids=str)
def tier(request, running) -> Tier:
    runner, zygote = running
    found = runner.run(probe(zygote, tiers=(request.param,)))
    if found.tier is not request.param:
        pytest.skip(f"this machine does not offer the tier: {found.refused[request.param]}")
    return request.param


@pytest.fixture
def secret(tmp_path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    path = folder / ".env"
    path.write_text(f"API_KEY={CANARY}\n")
    path.chmod(0o600)
    return path


class Site:
    def __init__(self, running, tier: Tier, cache: Path) -> None:
        self.runner, self.zygote = running
        self.builder = InlineBuilder(cache=cache, zygote=self.zygote, arch=None, tier=tier)
        self.cache = cache

    def build(self, source: str, *, build_s: float = 120.0) -> Built:
        request = Request("run/1/0", 1, 0, "build")
        build = Build(request, Candidate(source), Backend.CPU, Limits(build_s=build_s))
        return self.runner.run(self.builder.build(build))

    def leaked(self, built: Built) -> bool:
        """Whether the canary is in anything that would be logged or kept."""
        told = [built.log, built.full_log or "", *built.dropped]
        kept = (path.read_bytes() for path in self.cache.rglob("*") if path.is_file())
        return any(CANARY in text for text in told) or any(CANARY.encode() in each for each in kept)


@pytest.fixture
def site(running, tier, tmp_path) -> Site:
    return Site(running, tier, tmp_path / "cache")


def extension(inserted: str, *, body: str = "return PyLong_FromLong(1);", flags: str = "[]") -> str:
    source = textwrap.dedent(f"""
        #include <Python.h>
        {inserted}
        static PyObject* answer(PyObject*, PyObject*) {{ {body} }}
        static PyMethodDef methods[] = {{{{"answer", answer, METH_NOARGS, ""}}, {{}}}};
        static PyModuleDef module = {{PyModuleDef_HEAD_INIT, "hostile", "", -1, methods}};
        PyMODINIT_FUNC PyInit_hostile() {{ return PyModule_Create(&module); }}
    """)
    return (
        "from torch.utils.cpp_extension import load_inline\n"
        f"extension = load_inline('hostile', {source!r}, no_implicit_headers=True, extra_cflags={flags})\n"
        "class ModelNew: answer = extension.answer()\n"
    )


def test_an_honest_source_is_built(site):
    assert BuildOutcome.BUILT is site.build(extension("")).outcome


@pytest.mark.parametrize(
    "inserted",
    [
        '#include "{secret}"',
        "  #  include <{secret}>",
        '#include "../../../../../../../..{secret}"',
        'asm(".incbin \\"{secret}\\"");',
        'asm(".pushsection .rodata\\nkey: .incbin \\"{secret}\\"\\n.popsection"); extern char key[];',
    ],
    ids=["include", "include in brackets", "include from above", "incbin", "incbin in a section"],
)
def test_a_secret_can_not_be_compiled_in(site, secret, inserted):
    built = site.build(extension(inserted.replace("{secret}", str(secret)), body="return PyLong_FromLong(1);"))

    assert (BuildOutcome.FAILED, "compiler_error") == (built.outcome, built.reason)
    assert not site.leaked(built)


@pytest.mark.parametrize(
    "inserted",
    [
        '#define SECRET "{secret}"\n#include SECRET',
        '#inc\\\nlude "{secret}"',
        'asm(".inc" "bin \\"{secret}\\"");',
        '??=include "{secret}"',
    ],
    ids=["by macro", "on two lines", "in two strings", "by trigraph"],
)
def test_a_secret_can_not_be_compiled_in_by_stealth_where_the_tier_hides_it(site, tier, secret, inserted):
    if tier is Tier.NONE:
        pytest.skip("without isolation only the plain forms are refused, as docs/security.md says")

    built = site.build(extension(inserted.replace("{secret}", str(secret)), flags="['-std=c++14']"))

    assert (BuildOutcome.FAILED, "compiler_error") == (built.outcome, built.reason)
    assert not site.leaked(built)


def test_a_compiler_does_not_tell_whether_a_file_is_there(site, tier, secret):
    if tier is not Tier.NAMESPACE:
        pytest.skip("only where other files don't exist")
    found = f'#if __has_include("{secret}")\n#error there it is\n#endif'

    built = site.build(extension(found))

    assert BuildOutcome.BUILT is built.outcome


@pytest.mark.parametrize(
    "flag",
    [
        "-fplugin=/tmp/plugin.so", "-include {secret}", "@{secret}", "-imacros {secret}", "-specs={secret}",
        "-wrapper /bin/cat,{secret}", "-B/tmp", "-I{folder}", "-Wa,@{secret}", "-Wp,-include,{secret}",
        "-o {folder}/written",
        "-MD -MF {folder}/written", "-fdump-tree-all-{folder}/written", "--sysroot={folder}",
        "-Xassembler @{secret}",
    ],
)  # fmt: skip
def test_a_flag_that_reaches_further_is_dropped_and_said(site, secret, flag):
    told = flag.replace("{secret}", str(secret)).replace("{folder}", str(secret.parent))

    built = site.build(extension("", flags=json.dumps([told])))

    assert BuildOutcome.BUILT is built.outcome
    assert built.dropped
    assert "was not passed on" in built.log
    assert not site.leaked(built)
    assert [".env"] == [path.name for path in secret.parent.iterdir()]


def test_a_flag_can_not_hide_among_those_that_nvcc_passes_on(site):
    built = site.build(extension("", flags="['-Xcompiler -fplugin=x.so']"))

    assert ("-Xcompiler -fplugin=x.so",) == built.dropped


def test_a_template_bomb_ends_at_the_time_limit(site):
    bomb = """
        template <unsigned long N, unsigned long M> struct Bomb {
            static constexpr unsigned long v = Bomb<N - 1, 2 * M>::v + Bomb<N - 1, 2 * M + 1>::v;
        };
        template <unsigned long M> struct Bomb<0, M> { static constexpr unsigned long v = M; };
        unsigned long boom = Bomb<40, 1>::v;
    """

    built = site.build(extension(bomb), build_s=4.0)

    assert (BuildOutcome.TIMED_OUT, "time_limit") == (built.outcome, built.reason)


def test_endless_recursion_is_a_compilers_error(site):
    built = site.build(extension("template <int N> struct Deep : Deep<N + 1> {}; Deep<0> deep;"))

    assert (BuildOutcome.FAILED, "compiler_error") == (built.outcome, built.reason)
    assert len(built.log) < 40_000


def test_a_syntax_error_keeps_its_words(site):
    built = site.build(extension("int x = ;"))

    assert (BuildOutcome.FAILED, "compiler_error") == (built.outcome, built.reason)
    assert "main.cpp:" in built.log
    assert "expected primary-expression" in built.log


@pytest.mark.parametrize("text", ["\x00", "\ufeff", "x = '" + "y" * 3_000_000 + "'", "a = 1\r\nb = 2\r\n"])
def test_odd_sources_crash_nothing(site, text):
    built = site.build(text + "\nclass ModelNew: pass\n")

    assert built.outcome in (BuildOutcome.BUILT, BuildOutcome.FAILED)


@pytest.mark.parametrize("name", ["a/../../b", "-o", "x.so\n", "name with spaces", "\u00e9" * 300, ""])
def test_a_name_is_never_a_path_or_an_option(site, name):
    built = site.build(extension("").replace("load_inline('hostile'", f"load_inline({name!r}"))

    assert (BuildOutcome.FAILED, "compiler_error") == (built.outcome, built.reason)
    assert "is no identifier" in built.log


def test_terminal_codes_and_forged_lines_of_a_compiler_stay_text(site):
    built = site.build(extension('#pragma message("\x1b[2J\x07 {\\"ok\\": true}")\n#error \x1b[31mred'))

    assert "\x1b" not in built.log
    assert "red" in built.log


def test_the_cache_can_not_be_poisoned_for_others(site, tier, tmp_path):
    if tier is Tier.NONE:
        pytest.skip("without isolation a child may do what its user may")
    honest = site.build(extension("", body="return PyLong_FromLong(7);"))
    library = next(Path(honest.artifact).glob("*.so"))
    before = library.read_bytes()
    vandal = f"import pathlib\nfor path in pathlib.Path({str(site.cache)!r}).rglob('*'):\n    path.unlink()\n"

    site.build(vandal + "class ModelNew: pass\n")
    job = Job(
        "build_targets:load",
        json.dumps([honest.artifact, extension("", body="return PyLong_FromLong(7);")]).encode(),
        tmp_path, limit_s=60, output_bytes=10_000,
    )  # fmt: skip
    ended = site.runner.run(site.zygote.run(job))

    assert before == library.read_bytes()
    assert (b"7",) == ended.replies
