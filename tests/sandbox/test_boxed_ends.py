"""However a boxed job ends, its end is told as it was, and nothing of it is left."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from boxes import Boxes, opened

from caesar.errors import Fault
from caesar.sandbox.box import Box, Tier
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.tree import descendants

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def boxes() -> Iterator[Boxes]:
    with opened() as boxes:
        yield boxes


@pytest.fixture(params=[Tier.PROCESS, Tier.NAMESPACE])
def tier(request, boxes) -> Tier:
    probed = boxes.probed(request.param)
    if probed.tier is not request.param:
        pytest.skip(f"this machine does not offer the tier: {probed.refused[request.param]}")
    return request.param


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def job(target: str, payload: bytes, tier: Tier, folder: Path, **changes) -> Job:
    fields = {"limit_s": 30.0, "output_bytes": 1 << 20, **changes}
    return Job(f"sandbox_targets:{target}", payload, folder, box=Box(tier), **fields)


def run(boxes: Boxes, target: str, payload: bytes, tier: Tier, folder: Path, **changes) -> Ended:
    return boxes.runner.run(boxes.zygote.run(job(target, payload, tier, folder, **changes)))


def below(boxes: Boxes) -> list[int]:
    """Every process below the zygote, whatever namespace it is in."""
    return list(descendants(boxes.zygote._process._popen.pid))


def wait_until_none_is(boxes: Boxes) -> list[int]:
    deadline = time.monotonic() + 10
    while below(boxes) and time.monotonic() < deadline:
        time.sleep(0.02)
    return below(boxes)


async def sleeping(boxes: Boxes, tier: Tier, folder: Path) -> asyncio.Task[Ended]:
    """A job that has started some processes and waits; nothing else is below the zygote."""
    assert [] == wait_until_none_is(boxes)  # a keeper ends a moment after its job
    started = folder / "pids"
    started.mkdir(mode=0o777)
    started.chmod(0o777)
    work = job("leave_processes_and_sleep", bytes(started), tier, folder)
    task = asyncio.create_task(boxes.zygote.run(work))
    while len(list(started.iterdir())) < 3:
        assert not task.done(), task
        await asyncio.sleep(0.02)
    return task


@pytest.mark.parametrize("code", [0, 3, 255])
def test_an_exit_keeps_its_status(boxes, tier, folder, code):
    ended = run(boxes, "exit_at_once", b"%d" % code, tier, folder)

    assert (How.EXITED, code) == (ended.how, ended.code)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGTERM, signal.SIGSEGV])
def test_a_signal_is_told_from_an_exit(boxes, tier, folder, number):
    ended = run(boxes, "signal_itself", b"%d" % number, tier, folder)

    assert (How.SIGNALLED, number) == (ended.how, ended.code)


def test_an_exception_is_printed_without_the_sandboxs_frames(boxes, tier, folder):
    ended = run(boxes, "complain", b"", tier, folder)

    assert (How.EXITED, 1) == (ended.how, ended.code)
    assert "ValueError: on purpose" in ended.output
    assert "caesar/sandbox" not in ended.output


def test_an_exception_that_raises_another_when_it_is_printed_is_an_exit(boxes, tier, folder):
    ended = run(boxes, "complain_bitingly", b"", tier, folder)

    assert (How.EXITED, 1) == (ended.how, ended.code)
    assert "caesar/sandbox" not in ended.output


def test_a_missing_target_exits_1_and_says_so(boxes, tier, folder):
    ended = run(boxes, "nothing_of_this_name", b"", tier, folder)

    assert 1 == ended.code
    assert "nothing_of_this_name" in ended.output


def test_a_child_that_ignores_signals_ends_at_its_time_limit(boxes, tier, folder):
    ended = run(boxes, "sleep", b"", tier, folder, limit_s=0.5)

    assert (How.TIMED_OUT, 0) == (ended.how, ended.survivors)
    assert [] == wait_until_none_is(boxes)


@pytest.mark.parametrize(("target", "how"), [("flood", How.OUTPUT_LIMIT), ("flood_replies", How.REPLY_LIMIT)])
def test_floods_end_at_their_limits(boxes, tier, folder, target, how):
    ended = run(boxes, target, b"", tier, folder, reply_bytes=100_000)

    assert how is ended.how


def test_daemons_end_with_the_job(boxes, tier, folder):
    ended = run(boxes, "leave_processes", bytes(folder), tier, folder)

    assert (How.EXITED, (b"left",), 0) == (ended.how, ended.replies, ended.survivors)
    assert 3 == len(list(folder.iterdir()))
    assert [] == wait_until_none_is(boxes)


def test_respawners_end_with_the_job(boxes, tier, folder):
    ended = run(boxes, "leave_a_respawner", bytes(folder), tier, folder)

    assert (How.EXITED, (b"left",), 0) == (ended.how, ended.replies, ended.survivors)
    assert [] == wait_until_none_is(boxes)


def test_cancelling_returns_once_the_whole_tree_is_gone(boxes, tier, folder):
    async def cancelled() -> None:
        task = await sleeping(boxes, tier, folder)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        boxes.runner.run(cancelled())

    assert [] == wait_until_none_is(boxes)


def test_a_killed_keeper_takes_its_job_along(boxes, tier, folder):
    async def killed() -> Ended:
        task = await sleeping(boxes, tier, folder)
        os.kill(below(boxes)[0], signal.SIGKILL)
        return await task

    with pytest.raises(Fault, match="keeper was killed"):
        boxes.runner.run(killed())

    assert [] == wait_until_none_is(boxes)


def test_a_killed_first_process_of_a_namespace_is_a_fault_and_not_the_jobs_crash(boxes, tier, folder):
    if tier is not Tier.NAMESPACE:
        pytest.skip("there is no such process in this tier")

    async def killed() -> Ended:
        task = await sleeping(boxes, tier, folder)
        os.kill(below(boxes)[1], signal.SIGKILL)
        return await task

    with pytest.raises(Fault, match="first process of its box was killed"):
        boxes.runner.run(killed())

    assert [] == wait_until_none_is(boxes)


def test_a_keeper_that_fails_leaves_nothing_of_its_job(tier, folder):
    started = folder / "pids"
    started.mkdir(mode=0o777)
    started.chmod(0o777)
    with opened(preload=("json", "failing_guard")) as boxes:
        box = Box(tier, reads=(started,))
        work = Job("sandbox_targets:leave_processes_and_sleep", bytes(started), started, 30.0, 1 << 20, box=box)

        with pytest.raises(Fault, match=r"could not be run.*Cannot allocate memory"):
            boxes.runner.run(boxes.zygote.run(work))

        assert [] == below(boxes)


def test_a_killed_zygote_takes_its_jobs_along_and_the_next_job_runs(boxes, tier, folder):
    processes: list[int] = []

    async def killed() -> None:
        task = await sleeping(boxes, tier, folder)
        processes.extend(below(boxes))
        os.kill(boxes.zygote._process._popen.pid, signal.SIGKILL)
        await task

    with pytest.raises(Fault, match="zygote died or stopped"):
        boxes.runner.run(killed())

    deadline = time.monotonic() + 10
    while any(Path("/proc", str(pid)).exists() for pid in processes) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [] == [pid for pid in processes if Path("/proc", str(pid)).exists()]
    assert (b"again",) == run(boxes, "echo", b"again", tier, folder).replies


def test_many_boxed_jobs_run_at_once(boxes, tier, tmp_path):
    async def many() -> list[Ended]:
        works = []
        for number in range(8):
            folder = tmp_path / f"work{number}"
            folder.mkdir()
            works.append(boxes.zygote.run(job("echo", b"%d" % number, tier, folder)))
        return await asyncio.gather(*works)

    ended = boxes.runner.run(many())

    assert [(b"%d" % number,) for number in range(8)] == [each.replies for each in ended]
