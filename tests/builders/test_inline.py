import asyncio
import json
import signal
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from caesar.builders.inline import InlineBuilder, _reason
from caesar.domain import BuildOutcome, Candidate
from caesar.effects import Backend, Build, Built, Limits, Request
from caesar.errors import Fault, UsageError
from caesar.sandbox.artifact import MARK, artifact_environment
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
    assert Path(first.artifact, "answer", "answer.so").exists()


def test_loading_an_artifact_elsewhere_compiles_nothing_even_twice_at_once(site, tmp_path):
    source = extension("return PyLong_FromLong(43);")
    artifact = site.build(source).artifact
    library = Path(artifact, "answer", "answer.so")
    before = library.stat().st_mtime_ns

    async def load() -> list[Ended]:
        job = Job(
            "build_targets:load", source.encode(), tmp_path, limit_s=60, output_bytes=10_000,
            env=artifact_environment(artifact),
        )  # fmt: skip
        return await asyncio.gather(site.zygote.run(job), site.zygote.run(job))

    ended = site.runner.run(load())

    assert [(b"43",)] * 2 == [each.replies for each in ended], ended
    assert before == library.stat().st_mtime_ns


@pytest.mark.parametrize("verbose", [False, True])
def test_a_compilers_error_is_shown_once_without_its_command_line(site, verbose):
    built = site.build(extension("return undeclared_thing;", verbose=verbose))

    assert (BuildOutcome.FAILED, "compiler_error") == (built.outcome, built.reason)
    assert 1 == built.log.count("error: ")
    assert "undeclared_thing" in built.log
    assert "answer/main.cpp:" in built.log
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
    source = f"open({str(ran)!r}, 'a').write('x')\nimport time\ntime.sleep(0.3)\n{MODEL}"
    other = InlineBuilder(cache=site.cache, zygote=site.zygote, arch=None)

    async def three() -> list[Built]:
        request = site.request(source)
        return await asyncio.gather(
            *(builder.build(request) for builder in (site.builder, site.builder, other))
        )

    built = site.runner.run(three())

    assert 1 == len({each.artifact for each in built})
    assert "x" == ran.read_text()
    assert built[0].cached == built[1].cached != built[2].cached


def test_a_build_killed_in_the_middle_is_done_again_from_scratch(site, tmp_path):
    reached = tmp_path / "reached"
    stop_with_torchs_lock = f"""
import os, time
if not os.path.exists({str(reached)!r}):
    folder = os.environ['TORCH_EXTENSIONS_DIR'] + '/answer'
    os.mkdir(folder)
    open(folder + '/lock', 'w')
    open({str(reached)!r}, 'w')
    time.sleep(600)
"""
    source = extension("return PyLong_FromLong(44);", before=stop_with_torchs_lock)

    async def cancelled() -> None:
        task = asyncio.create_task(site.builder.build(site.request(source)))
        while not reached.exists():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait({task})

    site.runner.run(cancelled())
    built = site.build(source)

    assert (BuildOutcome.BUILT, False) == (built.outcome, built.cached)


def test_a_damaged_entry_is_built_again(site):
    first = site.build(MODEL)
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


@pytest.mark.parametrize(
    "vandalism",
    [
        "import shutil; shutil.rmtree(folder)",
        "os.mkfifo(folder + '/built.json')",
        "os.mkdir(folder + '/built.json')",
        "os.mkfifo(folder + '/endless.so')",
        "os.symlink('/dev/zero', folder + '/endless.so')",
        "import shutil; shutil.rmtree(folder); raise ValueError",
    ],
)
def test_what_a_candidate_does_to_its_folder_is_no_fault(site, vandalism):
    built = site.build(f"import os\nfolder = os.environ['TORCH_EXTENSIONS_DIR']\n{vandalism}\n{MODEL}")

    assert (BuildOutcome.FAILED if "raise" in vandalism else BuildOutcome.BUILT) is built.outcome


def test_a_cache_that_cannot_be_written_is_a_fault(site):
    site.builder.preflight(Backend.CPU)
    site.cache.rmdir()
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

    assert _reason(ended(0, b"built")) is None
    assert ["exit:1", "exit:0", "exit:0", "exit:0"] == [
        _reason(each)
        for each in (ended(1, b"built"), ended(0), ended(0, b"built", b"built"), ended(0, b"splendid"))
    ]
