import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from caesar.devices.inventory import Device
from caesar.devices.lease import holder
from caesar.devices.pool import LockedDevicePool

pytestmark = pytest.mark.slow

BUSY = """
import asyncio, sys
from pathlib import Path
from caesar.devices.inventory import Device
from caesar.devices.pool import LockedDevicePool

async def work(pool, folder):
    for turn in range(25):
        grant = await pool.acquire("busy")
        mark = folder / f"in-use-{grant.device}"
        mark.open("x").close()
        await asyncio.sleep(0.001)
        mark.unlink()
        await pool.release(grant)
        print(grant.device, grant.token)

async def main(folder):
    async with LockedDevicePool([Device("cpu:0", "x"), Device("cpu:1", "x")], folder=folder / "locks") as pool:
        await asyncio.gather(*(work(pool, folder) for _ in range(3)))

asyncio.run(main(Path(sys.argv[1])))
"""

HOLDING = """
import asyncio, subprocess, sys, time
from pathlib import Path
from caesar.devices.inventory import Device
from caesar.devices.pool import LockedDevicePool

async def main(folder):
    pool = LockedDevicePool([Device("cpu:0", "x")], folder=folder)
    grant = await pool.acquire("held to the death")
    orphan = subprocess.Popen(["sleep", "30"], close_fds=False)
    print(grant.token, orphan.pid, flush=True)
    time.sleep(60)

asyncio.run(main(Path(sys.argv[1])))
"""


def start(program, folder):
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


async def take_and_give_back(folder):
    async with LockedDevicePool((Device("cpu:0", "x"),), folder=folder) as pool:
        grant = await pool.acquire("afterwards")
        await pool.release(grant)
        return grant


@contextmanager
def held(folder):
    """A process that holds cpu:0, has started a child, and says its token and that child's pid."""
    process = start(HOLDING, folder)
    token, orphan = map(int, process.stdout.readline().split())
    try:
        yield process, token
    finally:
        os.kill(orphan, signal.SIGKILL)
        process.kill()
        process.communicate()


@pytest.fixture
def holding(tmp_path):
    with held(tmp_path) as found:
        yield found


def test_processes_never_hold_one_device_at_once_and_its_tokens_count_every_grant(tmp_path):
    processes = [start(BUSY, tmp_path) for _ in range(3)]
    said = [process.communicate(timeout=120) for process in processes]

    assert [""] * 3 == [error for _, error in said]
    grants = [line.split() for output, _ in said for line in output.splitlines()]
    assert 225 == len(grants)
    for device in ("cpu:0", "cpu:1"):
        tokens = sorted(int(token) for name, token in grants if name == device)
        assert list(range(1, len(tokens) + 1)) == tokens


def test_a_device_whose_holder_is_killed_is_free_within_a_second_though_its_child_lives(tmp_path):
    took = []
    for _ in range(3):  # the machine may be busy for a moment
        with held(tmp_path) as (process, token):
            killed = time.monotonic()
            process.send_signal(signal.SIGKILL)
            grant = asyncio.run(take_and_give_back(tmp_path))
            took.append(time.monotonic() - killed)
        assert token + 1 == grant.token

    assert min(took) < 1.0


def test_another_process_sees_who_holds_a_device(holding, tmp_path):
    process, _ = holding

    found = holder("cpu:0", folder=tmp_path)

    assert (process.pid, "held to the death") == (found.process.pid, found.request)


def test_another_process_does_not_get_a_held_device(holding, tmp_path):
    async def impatient():
        async with asyncio.timeout(0.3):
            await take_and_give_back(tmp_path)

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
