"""The supervisor's side of a judge, whose process is a coroutine here that has the other end of the link."""

import asyncio
import os
import socket
import struct

import pytest
from evaluation_cases import QUICK, REFERENCE

from caesar.errors import Fault
from caesar.evaluators.judges import Judge, JudgeLost
from caesar.evaluators.protocol import (
    Assignment,
    Cause,
    Contest,
    Described,
    Gone,
    Reached,
    Report,
    Stage,
    Unusable,
    encode,
)
from caesar.sandbox.job import Ended, How

DESCRIBED = Described("a processor", "2.13", None, None, 1.0)
REPORT = Report(Gone(), {Stage.SETUP: 0.0}, None, 0, 0, (), {}, {}, 1.0)
KILLED = Ended(How.TIMED_OUT, 0, (), "", 1.0)
EXITED = Ended(How.EXITED, 1, (), "broken\n", 1.0)


def framed(message):
    body = message if isinstance(message, bytes) else encode(message)
    return struct.pack("!I", len(body)) + body


class FakeZygote:
    """Writes frames to the link that a job is given, and ends it when told to, or by itself."""

    def __init__(self, *frames, ends=None, keeps=False):
        self.frames = frames
        self.ends = ends
        self.keeps = keeps
        self.link = None
        self.jobs = []

    async def run(self, job, *, expired):
        self.jobs.append(job)
        self.link = socket.socket(fileno=os.dup(job.descriptors[0]))
        for frame in self.frames:
            self.link.sendall(frame)
        if self.ends is None:
            await expired
        self.link.close() if not self.keeps else None
        if isinstance(self.ends, Fault):
            raise self.ends
        return self.ends or KILLED


ASSIGNMENT = Assignment(REFERENCE, QUICK, cuda=False, limit_s=60.0, threads=1)


def with_judge(zygote, tmp_path, use):
    """What a use of a judge comes to; the judge is ended afterwards."""
    folder = tmp_path / "judge"
    folder.mkdir()

    async def used():
        judge = Judge.start(zygote, ASSIGNMENT, key="key", folder=folder, env={"A": "b"})
        try:
            return await use(judge)
        finally:
            await judge.end()

    return asyncio.run(used())


def ready(judge):
    return judge.ready()


def test_a_judge_is_given_the_problem_its_folder_and_its_variables(tmp_path):
    zygote = FakeZygote(framed(DESCRIBED))

    with_judge(zygote, tmp_path, ready)

    (job,) = zygote.jobs
    assert ("caesar.evaluators.judge:main", tmp_path / "judge", {"A": "b"}) == (job.target, job.folder, job.env)
    assert b"nn.Linear" in job.payload


@pytest.mark.parametrize("first", [DESCRIBED, Unusable(Cause.SLOW, "slow")])
def test_a_judge_says_what_it_runs_on_or_why_it_can_not(tmp_path, first):
    assert first == with_judge(FakeZygote(framed(first)), tmp_path, ready)


def test_a_judge_is_asked_once_what_it_runs_on(tmp_path):
    async def twice(judge):
        return await judge.ready() is await judge.ready()

    assert with_judge(FakeZygote(framed(DESCRIBED)), tmp_path, twice)


@pytest.mark.parametrize("chunks", [1, 7])
def test_messages_arrive_in_whatever_pieces_they_come(tmp_path, chunks):
    data = framed(DESCRIBED)
    pieces = [data[at : at + chunks] for at in range(0, len(data), chunks)]

    assert DESCRIBED == with_judge(FakeZygote(*pieces), tmp_path, ready)


def test_what_was_said_before_a_process_ended_counts(tmp_path):
    zygote = FakeZygote(framed(Unusable(Cause.RAISED, "KeyError")), ends=EXITED)

    async def late(judge):
        await asyncio.sleep(0.01)
        return await judge.ready()

    assert Unusable(Cause.RAISED, "KeyError") == with_judge(zygote, tmp_path, late)


def test_a_report_comes_after_every_stage_was_told(tmp_path):
    stages = [Reached(Stage.SETUP, 0.0), Reached(Stage.TRIAL, 1.0)]
    zygote = FakeZygote(framed(DESCRIBED), *map(framed, stages), framed(REPORT))
    told = []

    async def judged(judge):
        await judge.ready()
        return await judge.report(progress=told.append)

    assert REPORT == with_judge(zygote, tmp_path, judged)
    assert stages == told


def test_a_judge_is_sent_its_order_and_a_link(tmp_path):
    zygote = FakeZygote(framed(DESCRIBED))
    ours, theirs = socket.socketpair()

    async def ordered(judge):
        await judge.ready()
        judge.judge(Contest(writable=True), theirs)
        order, descriptors, *_ = socket.recv_fds(zygote.link, 100, 1)
        os.write(descriptors[0], b"here")
        return order

    with ours, theirs:
        assert encode(Contest(writable=True)) == with_judge(zygote, tmp_path, ordered)
        assert b"here" == ours.recv(10)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([framed(REPORT)], "it said Report before it was ready"),
        ([framed(b"{}")], "can't be read"),
        ([struct.pack("!I", 1 << 31)], "more than it can have to say"),
    ],
)
def test_a_judge_that_says_what_it_can_not_say_is_lost(tmp_path, frames, words):
    with pytest.raises(JudgeLost, match=words):
        with_judge(FakeZygote(*frames), tmp_path, ready)


def test_a_judge_that_describes_itself_in_the_middle_is_lost(tmp_path):
    async def judged(judge):
        await judge.ready()
        return await judge.report(progress=lambda _: None)

    with pytest.raises(JudgeLost, match="it said Described in the middle of a contest"):
        with_judge(FakeZygote(framed(DESCRIBED), framed(DESCRIBED)), tmp_path, judged)


@pytest.mark.parametrize("frames", [[], [framed(DESCRIBED)[:9]]])
def test_a_judge_that_ends_is_lost_with_its_last_words(tmp_path, frames):
    with pytest.raises(JudgeLost, match="it exited with 1: broken"):
        with_judge(FakeZygote(*frames, ends=EXITED), tmp_path, ready)


def test_a_judge_that_dies_with_its_order_unread_is_lost_with_its_last_words(tmp_path):
    ours, theirs = socket.socketpair()

    async def ordered(judge):
        await judge.ready()
        judge.judge(Contest(writable=True), theirs)
        judge._end.set_result(None)
        return await judge.report(progress=lambda _: None)

    with ours, theirs, pytest.raises(JudgeLost, match="it timed_out with 0"):
        with_judge(FakeZygote(framed(DESCRIBED)), tmp_path, ordered)


def test_a_judge_whose_sandbox_failed_is_lost_with_its_words(tmp_path):
    with pytest.raises(JudgeLost, match="the zygote died"):
        with_judge(FakeZygote(ends=Fault("sandbox", "the zygote died")), tmp_path, ready)


def test_ending_a_judge_twice_is_ending_it_once_and_leaves_no_folder(tmp_path):
    async def ended_twice(judge):
        await judge.ready()
        before = judge.has_ended
        first = await judge.end()
        return before, first, await judge.end(), judge.has_ended

    assert (False, KILLED, KILLED, True) == with_judge(FakeZygote(framed(DESCRIBED)), tmp_path, ended_twice)
    assert [] == list(tmp_path.iterdir())


def test_ending_a_judge_whose_sandbox_failed_says_nothing(tmp_path):
    async def ended(judge):
        return await judge.end()

    assert with_judge(FakeZygote(ends=Fault("sandbox", "died")), tmp_path, ended) is None


def test_giving_up_waiting_leaves_nothing_watched_by_the_loop(tmp_path):
    async def gave_up(judge):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await judge.ready()
        return asyncio.get_running_loop().remove_reader(judge._control.fileno())

    assert not with_judge(FakeZygote(), tmp_path, gave_up)
