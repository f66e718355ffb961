import asyncio
import json
import shutil
import signal
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from caesar.builders import workshop
from caesar.builders.inline import InlineBuilder
from caesar.builders.underway import reason_of
from caesar.domain import BuildOutcome, Candidate, Problem
from caesar.effects import Backend, Build, Built, Limits, Request
from caesar.errors import Fault, UsageError
from caesar.sandbox.artifact import MARK
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.zygote import Zygote

pytestmark = pytest.mark.slow

MODEL = "class ModelNew:\n    pass\n"


def extension(body: str, *, name: str = "answer", before: str = "", verbose: bool = False) -> str:
    """A candidate with an extension in plain C, because torch's headers take half a minute."""
    source = f"""
        #include <Python.h>
        static PyObject* answer(PyObject*, PyObject*) {{ {body} }}
        static PyMethodDef methods[] = {{{{"answer", answer, METH_NOARGS, ""}}, {{}}}};
        static PyModuleDef module = {{PyModuleDef_HEAD_INIT, "{name}", "", -1, methods}};
        PyMODINIT_FUNC PyInit_{name}() {{ return PyModule_Create(&module); }}
    """
    return (
        "from torch.utils.cpp_extension import load_inline\n"
        f"{before}\n"
        f"extension = load_inline(name={name!r}, cpp_sources={textwrap.dedent(source)!r},\n"
        f"    no_implicit_headers=True, verbose={verbose})\n"
        f"{MODEL}    answer = extension.answer()\n"
    )


class Site:
    """A builder with a zygote that has torch, and a loop to run them in."""

    def __init__(self, runner: asyncio.Runner, zygote: Zygote, cache: Path) -> None:
        self.runner, self.zygote, self.cache = runner, zygote, cache
        self.builder = InlineBuilder(cache=cache, zygote=zygote, arch=None)

    def request(self, source: str, *, build_s: float = 300.0, output_bytes: int = 1 << 20) -> Build:
        limits = Limits(build_s=build_s, output_bytes=output_bytes)
        return Build(Request("run/1/0", 1, 0, "build"), Candidate(source), Backend.CPU, limits)

    def build(self, source: str, **limits) -> Built:
        return self.runner.run(self.builder.build(self.request(source, **limits)))


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[asyncio.Runner, Zygote]]:
    zygote = Zygote()
    with asyncio.Runner() as runner:
        runner.run(zygote.__aenter__())
        yield runner, zygote
        runner.run(zygote.__aexit__(None, None, None))


@pytest.fixture
def site(running, tmp_path) -> Site:
    return Site(*running, tmp_path / "cache")


def test_a_good_candidate_is_compiled_once_and_found_the_next_time(site, tmp_path):
    compiled = tmp_path / "compiled"
    source = extension("return PyLong_FromLong(42);", before=f"open({str(compiled)!r}, 'a').write('x')")

    first = site.build(source)
    second = site.build(source)

    assert (BuildOutcome.BUILT, False, None) == (first.outcome, first.cached, first.reason)
    assert (BuildOutcome.BUILT, True, first.artifact) == (second.outcome, second.cached, second.artifact)
    assert "x" == compiled.read_text()
    assert 1 == len(list(Path(first.artifact).glob("*.so")))


def test_an_artifact_is_read_only_and_holds_no_more_than_its_mark_and_libraries(site):
    artifact = Path(site.build(extension("return PyLong_FromLong(43);")).artifact)

    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in artifact.iterdir()}

    assert "0o555" == oct(artifact.stat().st_mode & 0o777)
    assert {"0o444"} == set(modes.values())
    assert [".json", ".so"] == sorted(Path(name).suffix for name in modes)


def test_an_evaluation_is_served_what_was_built_and_compiles_nothing(site, tmp_path):
    source = extension("return PyLong_FromLong(43);")
    artifact = site.build(source).artifact

    async def load(candidate: str) -> list[Ended]:
        job = Job(
            "build_targets:load", json.dumps([artifact, candidate]).encode(), tmp_path, limit_s=60,
            output_bytes=10_000, env={"PATH": "/nowhere"},
        )  # fmt: skip
        return await asyncio.gather(site.zygote.run(job), site.zygote.run(job))

    same = site.runner.run(load(source))
    other = site.runner.run(load(source.replace("43", "44")))

    assert [(b"43",)] * 2 == [each.replies for each in same], same
    assert all("was not built: extensions are compiled before the evaluation" in each.output for each in other)


def test_what_fails_to_compile_fails_alike_in_the_evaluation(site, tmp_path):
    source = extension("return oops;").replace("extension = load", "try:\n  extension = load", 1)
    source = (
        source.replace("    answer = extension.answer()\n", "    answer = 1\n").replace(
            "class ModelNew", "except RuntimeError as error:\n  said = str(error)\nclass ModelNew"
        )
        + "    answer = 'oops' in said\n"
    )

    built = site.build(source)
    job = Job(
        "build_targets:load",
        json.dumps([built.artifact, source]).encode(),
        tmp_path,
        limit_s=60,
        output_bytes=10_000,
    )
    ended = site.runner.run(site.zygote.run(job))

    assert BuildOutcome.BUILT is built.outcome
    assert (b"True",) == ended.replies, ended


def test_a_candidate_that_compiles_in_its_constructor_is_constructed_as_its_problem_says(site):
    at_module_level = extension("return PyLong_FromLong(1);", name="late")
    late = at_module_level.replace(
        "extension = load_inline", "def build(wanted):\n  assert wanted == 7\n  return load_inline"
    )
    late = late.replace(
        "    answer = extension.answer()\n", "    def __init__(self, wanted):\n        build(wanted)\n"
    )
    problem = Problem("suite", "1", "late", "def get_init_inputs():\n    return [7]\n")
    request = replace(site.request(late), problem=problem)
    broken = replace(site.request(late.replace("PyLong_FromLong(1)", "oops")), problem=problem)

    built, failed, unknown = (
        site.runner.run(site.builder.build(each)) for each in (request, broken, site.request(late))
    )

    assert 1 == len(list(Path(built.artifact).glob("*.so")))
    assert (BuildOutcome.FAILED, "compiler_error") == (failed.outcome, failed.reason)
    assert "oops" in failed.log
    assert [] == list(Path(unknown.artifact).glob("*.so"))


def test_a_constructor_that_fails_otherwise_fails_no_build(site):
    source = "from torch.utils.cpp_extension import load_inline\nclass ModelNew:\n    def __init__(self):\n"
    late = "        load_inline if self else load_inline()\n        import os; os._exit(3)\n"
    problem = Problem("suite", "1", "late", "")

    built = site.runner.run(site.builder.build(replace(site.request(source + late), problem=problem)))

    assert BuildOutcome.BUILT is built.outcome


def test_two_candidates_with_the_same_extension_share_its_library(site):
    first = site.build(extension("return PyLong_FromLong(45);"))
    second = site.build(extension("return PyLong_FromLong(45);") + "# another candidate\n")

    (one,), (two,) = (list(Path(each.artifact).glob("*.so")) for each in (first, second))

    assert first.artifact != second.artifact
    assert one.stat().st_ino == two.stat().st_ino


def test_a_flag_that_is_not_passed_on_is_said(site):
    source = extension("return PyLong_FromLong(46);").replace(
        "verbose=False", "extra_cflags=['-O3', '-fplugin=evil.so']"
    )

    built = site.build(source)

    assert ("-fplugin=evil.so",) == built.dropped
    assert "note: the flag -fplugin=evil.so was not passed on" in built.log


@pytest.mark.parametrize("verbose", [False, True])
def test_a_compilers_error_is_shown_once_without_its_command_line(site, verbose):
    built = site.build(extension("return undeclared_thing;", verbose=verbose))

    assert (BuildOutcome.FAILED, "compiler_error") == (built.outcome, built.reason)
    assert 1 == built.log.count("error: ")
    assert "undeclared_thing" in built.log
    assert "main.cpp:" in built.log
    assert "/caesar-work-compile-" not in built.log
    assert str(site.cache) not in built.log
    assert "-fPIC" not in built.log


def test_a_failed_build_is_remembered(site, tmp_path):
    tried = tmp_path / "tried"
    source = f"open({str(tried)!r}, 'a').write('x')\nraise LookupError('no luck')\n"

    first = site.build(source)
    second = site.build(source)

    assert (False, True) == (first.cached, second.cached)
    assert (first.outcome, first.reason, first.log) == (second.outcome, second.reason, second.log)
    assert "x" == tried.read_text()


def test_a_syntax_error_is_shown_with_its_line(site):
    built = site.build("def ModelNew(:\n")

    assert (BuildOutcome.FAILED, "syntax_error") == (built.outcome, built.reason)
    assert 'File "candidate.py", line 1' in built.log
    assert "SyntaxError" in built.log


@pytest.mark.parametrize("source", ["x = 1\n", "ModelNew = 3\n", "def ModelNew(): ...\n"])
def test_a_candidate_without_the_class_has_no_model(site, source):
    built = site.build(source)

    assert (BuildOutcome.FAILED, "no_model") == (built.outcome, built.reason)
    assert "no class ModelNew" in built.log


def test_an_error_at_import_shows_the_candidates_frames_only(site):
    built = site.build("import json\n\ndef f():\n    json.loads('{')\n\nf()\n")

    assert (BuildOutcome.FAILED, "import_error") == (built.outcome, built.reason)
    assert ["line 6, in <module>", "line 4, in f"] == [
        line.partition('"candidate.py", ')[2] for line in built.log.splitlines() if "File " in line
    ]
    assert "JSONDecodeError" in built.log


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os\nos._exit(0)\n", "exit:0"),
        ("import sys\nsys.exit(3)\n", "exit:3"),
        (f"import os, signal\nos.kill(os.getpid(), {int(signal.SIGSEGV)})\n", "signal:11"),
        ("while True: print('y' * 1000)\n", "output_limit"),
    ],
)
def test_a_module_that_ends_its_process_has_failed(site, source, reason):
    built = site.build(source, output_bytes=100_000)

    assert (BuildOutcome.FAILED, reason) == (built.outcome, built.reason)


def test_a_hanging_module_times_out_and_is_tried_again(site):
    source = "import time\ntime.sleep(600)\n"

    first = site.build(source, build_s=0.5)
    second = site.build(source, build_s=0.5)

    assert (BuildOutcome.TIMED_OUT, "time_limit") == (first.outcome, first.reason)
    assert not second.cached


def test_a_build_sees_no_device_and_no_secret(site):
    built = site.build(
        "import os\nprint(os.environ['CUDA_VISIBLE_DEVICES'] == '')\nprint(os.environ)\nraise ValueError\n"
    )

    assert built.log.startswith("True\n")
    assert "API_KEY" not in built.log


def test_identical_sources_at_once_are_built_once_even_by_two_builders(site, tmp_path):
    ran = tmp_path / "ran"
    source = f"open({str(ran)!r}, 'a').write('x')\nimport time\ntime.sleep(1)\n{MODEL}"
    other = InlineBuilder(cache=site.cache, zygote=site.zygote, arch=None)
    site.builder.preflight(Backend.CPU)
    other.preflight(Backend.CPU)

    async def three() -> list[Built]:
        request = site.request(source)
        return await asyncio.gather(
            *(builder.build(request) for builder in (site.builder, site.builder, other))
        )

    built = site.runner.run(three())

    assert 1 == len({each.artifact for each in built})
    assert "x" == ran.read_text()
    assert built[0].cached == built[1].cached != built[2].cached


def test_a_damaged_entry_is_built_again(site):
    first = site.build(MODEL)
    Path(first.artifact, MARK).chmod(0o644)
    Path(first.artifact, MARK).write_text("{")

    second = site.build(MODEL)

    assert (BuildOutcome.BUILT, False) == (second.outcome, second.cached)
    assert "built" == json.loads(Path(first.artifact, MARK).read_text())["outcome"]


def test_a_failure_on_a_full_disk_is_a_fault(site, monkeypatch):
    full = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("caesar.builders.inline.shutil.disk_usage", lambda _path: full)

    with pytest.raises(Fault, match="free some space") as fault:
        site.build("raise OSError(28, 'No space left on device')\n")

    assert "builder" == fault.value.kind


def test_what_failed_to_compile_on_a_full_disk_is_not_remembered(site, monkeypatch):
    full = type("Usage", (), {"free": 1000})
    source = extension("return oops;")
    monkeypatch.setattr("caesar.builders.steps.shutil.disk_usage", lambda _path: full)

    with pytest.raises(Fault, match="free some space"):
        site.build(source)

    assert [] == list(site.cache.rglob(MARK))


def test_other_slim_headers_serve_nothing_that_was_built_with_these(site, monkeypatch, tmp_path):
    source = extension("return PyLong_FromLong(47);")
    shutil.copytree(workshop.SLIM, tmp_path / "slim")
    same = InlineBuilder(cache=site.cache, zygote=site.zygote, arch=None)
    other = InlineBuilder(cache=site.cache, zygote=site.zygote, arch=None)

    site.build(source)
    monkeypatch.setattr(workshop, "SLIM", tmp_path / "slim")
    first = site.runner.run(same.build(site.request(source)))
    with (tmp_path / "slim" / "include" / "caesar_slim" / "core.h").open("a") as header:
        header.write("// changed\n")
    second = site.runner.run(other.build(site.request(source)))

    assert (True, False) == (first.cached, second.cached)
    assert first.artifact != second.artifact


def test_a_candidate_that_misuses_its_channel_is_told_that_nobody_builds(site):
    misuse = """
import os, socket, struct
for fd in range(3, 64):
    try:
        channel = socket.socket(fileno=os.dup(fd))
        if channel.getpeername() is not None and channel.type == socket.SOCK_STREAM:
            channel.sendall(struct.pack("!IQ", 2, 0) + b"{}")
    except OSError:
        pass
"""
    built = site.build(misuse + extension("return PyLong_FromLong(1);"))

    assert (BuildOutcome.FAILED, "import_error") == (built.outcome, built.reason)
    assert "nobody builds extensions for this process any more" in built.log


def test_a_cache_that_cannot_be_written_is_a_fault(site):
    site.builder.preflight(Backend.CPU)
    shutil.rmtree(site.cache)
    site.cache.touch()

    with pytest.raises(Fault, match=r"Not a directory.*CAESAR_CACHE") as fault:
        site.build(MODEL)

    assert "builder" == fault.value.kind


def test_a_cache_that_is_no_folder_is_found_before_any_build(site):
    site.cache.touch()

    with pytest.raises(UsageError, match=r"can't be kept in .*cache \(File exists\); set CAESAR_CACHE"):
        site.builder.preflight(Backend.CPU)


def test_cuda_builds_need_an_architecture(site):
    with pytest.raises(UsageError, match="compute capability"):
        site.builder.preflight(Backend.CUDA)


def test_cancelling_a_build_ends_its_processes(site, tmp_path):
    pid = tmp_path / "pid"
    source = f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"

    async def cancelled() -> None:
        task = asyncio.create_task(site.builder.build(site.request(source)))
        while not (pid.exists() and pid.read_text()):  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.02)
        task.cancel()
        await task

    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        site.runner.run(cancelled())

    assert not Path("/proc", pid.read_text()).exists()
    assert time.monotonic() - started < 30


def test_a_child_that_forges_its_reply_is_not_believed_when_it_ends_badly():
    def ended(code: int, *replies: bytes) -> Ended:
        return Ended(How.EXITED, code, replies, "", 0.1)

    assert reason_of(ended(0, b"built")) is None
    assert ["exit:1", "exit:0", "exit:0", "exit:0"] == [
        reason_of(each)
        for each in (ended(1, b"built"), ended(0), ended(0, b"built", b"built"), ended(0, b"splendid"))
    ]
    assert [None, "compiler_error", None] == [
        reason_of(each)
        for each in (ended(0, b"loaded", b"built"), ended(0, b"loaded", b"compiler_error"), ended(1, b"loaded"))
    ]
