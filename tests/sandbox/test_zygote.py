import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from caesar.errors import Fault
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.zygote import Zygote

pytestmark = pytest.mark.slow

CANARY = "canary-3f9a"


class Sandbox:
    """A zygote without preloads, and a loop to run it in."""

    def __init__(self, runner: asyncio.Runner, zygote: Zygote, folder: Path) -> None:
        self.runner, self.zygote, self.folder = runner, zygote, folder

    def job(self, target: str, payload: bytes = b"", **changes) -> Job:
        fields = {"folder": self.folder, "limit_s": 30.0, "output_bytes": 1 << 20, "env": {}, **changes}
        return Job(f"sandbox_targets:{target}", payload, **fields)

    def run(self, target: str, payload: bytes = b"", **changes) -> Ended:
        return self.runner.run(self.zygote.run(self.job(target, payload, **changes)))


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[asyncio.Runner, Zygote]]:
    environ = {**os.environ, "OPENAI_API_KEY": CANARY}
    zygote = Zygote(preload=("json",), env=environ)
    with asyncio.Runner() as runner:
        runner.run(zygote.__aenter__())
        yield runner, zygote
        runner.run(zygote.__aexit__(None, None, None))


@pytest.fixture
def sandbox(running, tmp_path) -> Sandbox:
    folder = tmp_path / "work"
    folder.mkdir()
    return Sandbox(*running, folder)


@pytest.fixture
def pids(tmp_path) -> Path:
    folder = tmp_path / "pids"
    folder.mkdir()
    return folder


def alive(pids: Path) -> list[int]:
    return [int(path.name) for path in pids.iterdir() if Path("/proc", path.name).exists()]


def wait_until_gone(pids: Path, *, within_s: float = 10.0) -> list[int]:
    deadline = time.monotonic() + within_s
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return alive(pids)


def status_of(zygote: Zygote) -> str:
    return Path(f"/proc/{zygote._process._popen.pid}/status").read_text()


def test_a_zygote_without_a_temporary_folder_is_a_fault(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")

    with pytest.raises(Fault, match=r"the zygote could not start: .*/nowhere") as raised:
        asyncio.run(Zygote().__aenter__())

    assert "sandbox" == raised.value.kind


def test_a_job_replies_what_its_target_sends(sandbox):
    payload = bytes(range(256)) * 3000

    ended = sandbox.run("echo", payload)

    assert (How.EXITED, 0, (payload,)) == (ended.how, ended.code, ended.replies)
    assert 0 == ended.survivors
    assert ended.seconds > 0


def test_every_reply_is_a_frame_of_its_own(sandbox):
    ended = sandbox.run("twice", b"abc")

    assert (b"a", b"bc") == ended.replies


def test_many_jobs_run_at_once_and_get_their_own_answers(sandbox):
    async def many() -> list[Ended]:
        return await asyncio.gather(*(sandbox.zygote.run(sandbox.job("echo", b"%d" % n)) for n in range(30)))

    ended = sandbox.runner.run(many())

    assert [(b"%d" % n,) for n in range(30)] == [each.replies for each in ended]


def test_the_child_has_a_clean_environment_folder_session_and_descriptors(sandbox):
    ended = sandbox.run("describe", env={"EXTRA": "given"})

    cwd, environ, initial, descriptors, leads_session, stdin = (reply.decode() for reply in ended.replies)
    assert str(sandbox.folder) == cwd
    variables = dict(pair.split("=", 1) for pair in environ.split("\0"))
    assert ("given", cwd, cwd) == (variables["EXTRA"], variables["HOME"], variables["TMPDIR"])
    assert CANARY not in environ + initial
    assert "OMP_NUM_THREADS" not in variables.keys() - os.environ.keys()
    assert "True" == leads_session
    assert "" == stdin
    assert 5 == len(descriptors.split())  # three standard ones, the reply, the listing itself


def test_a_job_is_called_with_the_descriptors_it_is_given_and_hands_them_to_nothing_it_execs(sandbox):
    ours, theirs = socket.socketpair()
    memory = os.memfd_create("shared")

    ended = sandbox.run("answer_on_what_is_given", b"hello", descriptors=(theirs.fileno(), memory))
    theirs.close()

    assert (b"False False",) == ended.replies
    assert b"hello" == os.pread(memory, 10, 0)
    assert b"hello" == ours.recv(10)
    assert b"" == ours.recv(10)  # nobody holds the other end once the job is over
    ours.close()
    os.close(memory)


def test_a_job_that_is_given_a_closed_descriptor_is_a_fault(sandbox):
    with pytest.raises(Fault, match="could not be opened"):
        sandbox.run("answer_on_what_is_given", descriptors=(999_999,))


def test_a_job_without_its_own_variable_does_not_see_another_jobs(sandbox):
    sandbox.run("describe", env={"EXTRA": "given"})

    ended = sandbox.run("describe")

    assert b"EXTRA" not in ended.replies[1]


def test_an_exception_is_printed_without_the_sandboxs_frames_and_exits_1(sandbox):
    ended = sandbox.run("complain")

    assert (How.EXITED, 1) == (ended.how, ended.code)
    assert ended.output.startswith("to stdout\nTraceback")
    assert "ValueError: on purpose" in ended.output
    assert "caesar/sandbox" not in ended.output


def test_a_missing_target_exits_1_and_says_so(sandbox):
    ended = sandbox.run("nothing_of_this_name")

    assert 1 == ended.code
    assert "nothing_of_this_name" in ended.output


@pytest.mark.parametrize(("given", "code"), [(b"7", 7), (b"", 0), (b"a sentence", 1)])
def test_sys_exit_keeps_its_status_and_the_replies_before_it(sandbox, given, code):
    ended = sandbox.run("exit_with", given)

    assert (How.EXITED, code, (b"before",)) == (ended.how, ended.code, ended.replies)


def test_os_exit_keeps_its_status(sandbox):
    ended = sandbox.run("exit_at_once", b"3")

    assert (How.EXITED, 3) == (ended.how, ended.code)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGTERM])
def test_a_signal_is_told_from_an_exit(sandbox, number):
    ended = sandbox.run("signal_itself", b"%d" % number)

    assert (How.SIGNALLED, number) == (ended.how, ended.code)


def test_a_segmentation_fault_is_a_signal_and_what_was_printed_before_is_kept(sandbox):
    ended = sandbox.run("crash")

    assert (How.SIGNALLED, signal.SIGSEGV) == (ended.how, ended.code)
    assert "before the crash\n" == ended.output


def test_a_child_that_ignores_signals_ends_at_its_time_limit(sandbox):
    ended = sandbox.run("sleep", limit_s=0.3)

    assert (How.TIMED_OUT, 0) == (ended.how, ended.code)
    assert 0.3 <= ended.seconds < 60  # of 600


def test_a_flood_of_output_ends_soon_and_only_its_head_and_tail_are_kept(sandbox):
    ended = sandbox.run("flood", output_bytes=3 << 20)

    assert How.OUTPUT_LIMIT == ended.how
    assert ended.seconds < 10
    assert len(ended.output) < 300_000


def test_long_output_within_the_limit_keeps_head_and_tail_around_a_mark(sandbox):
    ended = sandbox.run("print_head_and_tail")

    assert How.EXITED == ended.how
    assert ended.output.startswith("head.")
    assert ended.output.endswith(".tail")
    assert "bytes left out" in ended.output


def test_a_flood_of_replies_ends_at_its_limit(sandbox):
    ended = sandbox.run("flood_replies", reply_bytes=100_000)

    assert How.REPLY_LIMIT == ended.how
    assert sum(len(reply) for reply in ended.replies) <= 100_000


def test_a_reply_that_claims_to_be_huge_ends_the_child_at_once(sandbox):
    ended = sandbox.run("claim_a_huge_reply", reply_bytes=100_000)

    assert (How.REPLY_LIMIT, ()) == (ended.how, ended.replies)


@pytest.mark.parametrize("target", ["leave_processes", "leave_a_respawner"])
def test_what_a_finished_child_leaves_running_is_gone(sandbox, pids, target):
    ended = sandbox.run(target, str(pids).encode())

    assert (How.EXITED, (b"left",), 0) == (ended.how, ended.replies, ended.survivors)
    assert len(list(pids.iterdir())) >= 3
    assert [] == alive(pids)


def test_what_a_timed_out_child_started_is_gone(sandbox, pids):
    for limit_s in (1.0, 20.0):  # where the first is too short for this machine nothing is shown
        ended = sandbox.run("leave_processes_and_sleep", str(pids).encode(), limit_s=limit_s)
        assert How.TIMED_OUT == ended.how
        assert [] == alive(pids)
        if len(list(pids.iterdir())) >= 3:
            break

    assert len(list(pids.iterdir())) >= 3


def test_cancelling_returns_once_the_whole_tree_is_gone(sandbox, pids):
    async def cancelled() -> None:
        job = sandbox.job("leave_processes_and_sleep", str(pids).encode())
        task = asyncio.create_task(sandbox.zygote.run(job))
        while len(list(pids.iterdir())) < 3:  # noqa: ASYNC110 - another process makes them
            await asyncio.sleep(0.02)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        sandbox.runner.run(cancelled())

    assert [] == alive(pids)


def test_a_child_that_kills_its_keeper_counts_as_killed_and_leaves_nothing(sandbox, pids):
    ended = sandbox.run("kill_keeper", str(pids).encode())

    assert (How.SIGNALLED, signal.SIGKILL) == (ended.how, ended.code)
    assert 1 == len(list(pids.iterdir()))
    assert [] == alive(pids)


def test_a_zygotes_death_is_a_fault_and_the_next_job_runs(sandbox, pids):
    with pytest.raises(Fault, match="zygote died or stopped") as fault:
        sandbox.run("kill_zygote", str(pids).encode())

    assert "sandbox" == fault.value.kind
    assert [] == wait_until_gone(pids)
    assert (b"again",) == sandbox.run("echo", b"again").replies


def test_a_zygote_that_cannot_start_is_a_fault_in_its_own_words(tmp_path):
    async def start() -> None:
        async with Zygote(preload=("no_such_module_here",)) as zygote:
            await zygote.run(Job("a:b", b"", tmp_path, limit_s=1, output_bytes=1))

    with pytest.raises(Fault, match="No module named 'no_such_module_here'"):
        asyncio.run(start())


def test_a_job_whose_folder_is_gone_is_a_fault(sandbox, tmp_path):
    with pytest.raises(Fault, match=r"could not be run.*No such file"):
        sandbox.run("echo", folder=tmp_path / "gone")


def test_a_zygote_outside_its_block_refuses_jobs(tmp_path):
    zygote = Zygote(preload=())

    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(zygote.run(Job("a:b", b"", tmp_path, limit_s=1, output_bytes=1)))


def test_killing_the_supervisor_leaves_nothing(tmp_path, pids):
    program = textwrap.dedent(f"""
        import asyncio, pathlib, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from caesar.sandbox.job import Job
        from caesar.sandbox.zygote import Zygote

        async def main():
            async with Zygote(preload=()) as zygote:
                pids = pathlib.Path({str(pids)!r})
                target = "sandbox_targets:leave_processes_and_sleep"
                job = Job(target, bytes(pids), pathlib.Path({str(tmp_path)!r}), limit_s=60, output_bytes=1000)
                (pids / str(zygote._process._popen.pid)).touch()
                await zygote.run(job)

        asyncio.run(main())
    """)
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    supervisor = subprocess.Popen([sys.executable, "-c", program], env=environ)
    while len(list(pids.iterdir())) < 4:
        assert supervisor.poll() is None
        time.sleep(0.02)

    supervisor.kill()
    supervisor.wait()

    assert [] == wait_until_gone(pids)


def test_a_candidates_source_is_found_by_inspect_wherever_the_child_goes(sandbox):
    source = "class ModelNew:\n    def forward(self, x):\n        return x\n"

    ended = sandbox.run("import_a_candidate", source.encode())

    assert (source.encode(), source.partition("\n")[2].encode()) == ended.replies


def test_a_zygote_with_torch_has_one_thread_and_starts_a_target_soon(tmp_path):
    async def measure(zygote: Zygote) -> tuple[str, float]:
        async with zygote:
            job = Job("sandbox_targets:echo", b"", tmp_path, limit_s=30, output_bytes=1000)
            await zygote.run(job)
            seconds = min([(await zygote.run(job)).seconds for _ in range(3)])
            return status_of(zygote), seconds

    status, seconds = asyncio.run(measure(Zygote()))

    assert "Threads:\t1\n" in status
    assert seconds < 1.0  # generous for a loaded machine; 10 ms on an idle one


def test_a_fork_that_fails_is_one_jobs_fault_and_not_the_zygotes_end(tmp_path):
    async def measure() -> tuple[bool, Ended]:
        async with Zygote(preload=("failing_fork",)) as zygote:
            job = Job("sandbox_targets:echo", b"again", tmp_path, limit_s=30, output_bytes=1000)
            with pytest.raises(Fault, match=r"could not be run.*temporarily unavailable"):
                await zygote.run(job)
            process = zygote._process
            ended = await zygote.run(job)
            return process is zygote._process, ended

    is_the_same, ended = asyncio.run(measure())

    assert is_the_same
    assert (b"again",) == ended.replies
