import asyncio
import threading

import pytest

from caesar.builders.threads import in_thread


def test_the_event_loop_goes_on_meanwhile():
    async def scene() -> str:
        let_go = threading.Event()
        work = asyncio.create_task(in_thread(let_go.wait, 30))
        await asyncio.sleep(0)
        let_go.set()
        return await work

    assert asyncio.run(scene()) is True


def test_what_the_work_raises_is_raised():
    async def scene() -> None:
        await in_thread(int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(scene())


def test_cancelling_waits_for_the_work_to_end():
    async def scene() -> list[str]:
        seen: list[str] = []
        began, let_go = threading.Event(), threading.Event()

        def work() -> None:
            began.set()
            let_go.wait(30)
            seen.append("ended")

        task = asyncio.create_task(in_thread(work))
        await asyncio.to_thread(began.wait, 30)
        task.cancel()
        asyncio.get_running_loop().call_later(0.1, let_go.set)
        await asyncio.gather(task, return_exceptions=True)
        seen.append("cancelled" if task.cancelled() else "not cancelled")
        return seen

    assert ["ended", "cancelled"] == asyncio.run(scene())
