import asyncio
import os
import signal
from pathlib import Path

import pytest

from caesar.errors import Fault
from caesar.sandbox.box import Box, Tier
from caesar.sandbox.frames import send_frame
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.order import Call
from caesar.sandbox.report import Report
from caesar.sandbox.session import Session

REPORT = Report(How.EXITED, 0)


def job(**changes) -> Job:
    fields = {"folder": Path("/"), "limit_s": 5.0, "output_bytes": 100, **changes}
    return Job("module:function", b"payload", **fields)


def play(session: Session, *, output: bytes = b"", reports: tuple[Report, ...] = ()) -> None:
    """What zygote, keeper and child would do, at once: nothing of it has been read when all is over."""
    os.write(session.order.output, output)
    for report in reports:
        send_frame(session.order.link, report.encode())
    session.order.close()


def test_what_lies_in_the_pipes_when_the_job_is_over_is_read():
    async def scene() -> Ended:
        session = Session(job(), {})
        play(session, output=b"last words", reports=(REPORT,))
        return await session.end()

    ended = asyncio.run(scene())

    assert (How.EXITED, "last words") == (ended.how, ended.output)


def test_a_limit_that_shows_only_after_the_end_counts_and_leaves_no_timer():
    async def scene() -> tuple[Ended, object]:
        session = Session(job(), {})
        play(session, output=b"x" * 1000, reports=(REPORT,))
        session._read_link()
        session._read_link()
        return await session.end(), session._give_up

    ended, timer = asyncio.run(scene())

    assert How.OUTPUT_LIMIT == ended.how
    assert timer is None


def ended_after_sweeping(tier: Tier, *, survivors: int = 0) -> Ended:
    async def scene() -> Ended:
        session = Session(job(box=Box(tier)), {})
        play(session, reports=(Report.after_sweeping(survivors=survivors),))
        return await session.end()

    return asyncio.run(scene())


@pytest.mark.parametrize("tier", [Tier.PROCESS, Tier.NAMESPACE])
def test_a_keeper_that_was_killed_is_a_fault_where_its_child_can_not_have_done_it(tier):
    with pytest.raises(Fault, match="keeper was killed") as fault:
        ended_after_sweeping(tier)

    assert ("sandbox", False) == (fault.value.kind, fault.value.permanent)


def test_a_child_without_a_box_counts_as_killed_with_its_keeper():
    ended = ended_after_sweeping(Tier.NONE)

    assert (How.SIGNALLED, signal.SIGKILL) == (ended.how, ended.code)


def test_survivors_of_a_keeper_that_was_killed_are_told():
    assert 2 == ended_after_sweeping(Tier.NAMESPACE, survivors=2).survivors


def test_a_job_that_ends_without_a_report_is_a_fault():
    async def scene() -> None:
        session = Session(job(), {})
        play(session)
        await session.end()

    with pytest.raises(Fault, match="zygote died"):
        asyncio.run(scene())


def test_a_job_that_cannot_be_ended_is_given_up_as_a_fault(monkeypatch):
    async def scene() -> None:
        session = Session(job(limit_s=0.01), {})
        try:
            await session.end()
        finally:
            session.order.close()

    monkeypatch.setattr("caesar.sandbox.session.GIVE_UP_S", 0.05)

    with pytest.raises(Fault, match="stopped"):
        asyncio.run(scene())


def test_the_keepers_word_comes_before_the_zygotes():
    async def scene() -> Ended:
        session = Session(job(), {})
        play(session, reports=(Report(How.EXITED, 3), Report.of(None)))
        return await session.end()

    assert (How.EXITED, 3) == (asyncio.run(scene()).how, asyncio.run(scene()).code)


def test_a_call_arrives_as_it_was_written_with_the_folder_as_home():
    call = Call.of(job(env={"A": "ä"}), {"PATH": "/bin", "A": "0"})

    descriptor = call.write()

    assert call == Call.read(descriptor)
    assert {"PATH": "/bin", "A": "ä", "HOME": "/", "TMPDIR": "/"} == call.env
    os.close(descriptor)
