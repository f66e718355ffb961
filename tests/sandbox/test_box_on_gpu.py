"""A kernel in every tier that holds, and what a candidate with a GPU is still refused; needs a GPU."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from boxes import Boxes

from caesar.sandbox.box import Box, Tier
from caesar.sandbox.probe import probe
from caesar.sandbox.zygote import Zygote

GPU = Path("/dev/nvidia0")
NAMES = ("nvidia0", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")
NODES = tuple(Path("/dev", name) for name in NAMES if Path("/dev", name).exists())

pytestmark = [
    pytest.mark.slow,
    pytest.mark.requires_cuda,
    pytest.mark.skipif(not GPU.exists(), reason="needs a GPU"),
]


@pytest.fixture(scope="module")
def boxes() -> Iterator[Boxes]:
    zygote = Zygote()
    with asyncio.Runner() as runner:
        runner.run(zygote.__aenter__())
        yield Boxes(runner, zygote)
        runner.run(zygote.__aexit__(None, None, None))


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("tier", [Tier.PROCESS, Tier.NAMESPACE])
def test_the_probe_runs_a_kernel_in_the_tier(boxes, tier):
    found = boxes.runner.run(probe(boxes.zygote, devices=NODES, tiers=(tier,)))

    assert (tier, {}) == (found.tier, found.refused)


@pytest.mark.parametrize("tier", list(Tier))
def test_a_kernel_runs_and_its_result_comes_back(boxes, tier, folder):
    box = Box(tier, devices=NODES, processes=512, disk_bytes=1 << 30)

    ended = boxes.run("cuda_kernel", box=box, folder=folder, limit_s=120)

    assert (b"2048.0",) == ended.replies, ended.output


@pytest.mark.parametrize("tier", [Tier.PROCESS, Tier.NAMESPACE])
def test_a_box_without_its_nodes_has_no_gpu(boxes, tier, folder):
    ended = boxes.run("cuda_kernel", box=Box(tier), folder=folder, limit_s=120)

    assert () == ended.replies


@pytest.mark.parametrize("tier", [Tier.PROCESS, Tier.NAMESPACE])
def test_a_child_with_a_gpu_is_refused_the_same_as_one_without(boxes, tier, folder):
    said = boxes.attempts(
        f"read_file('/proc/{os.getpid()}/environ')",
        "write_file('/proc/sys/kernel/core_pattern')",
        "write_file('/proc/sysrq-trigger')",
        "write_file('/sys/kernel/mm/transparent_hugepage/enabled')",
        "read_file('/etc/shadow')",
        "os.open('/dev/mem', os.O_RDWR)",
        "socket.socket()",
        box=Box(tier, devices=NODES, processes=512),
        folder=folder,
    )

    assert [] == [word for word in said if word.startswith("got")]


@pytest.mark.parametrize("tier", [Tier.PROCESS, Tier.NAMESPACE])
def test_a_child_cannot_set_the_gpus_clocks(boxes, tier, folder):
    ended = boxes.run("set_clocks", box=Box(tier, devices=NODES, processes=512), folder=folder, limit_s=60)

    assert ended.replies, ended.output
    assert b"0" != ended.replies[0]


@pytest.mark.parametrize("tier", list(Tier))
def test_a_hung_kernel_ends_at_the_limit_and_the_gpu_works_again(boxes, tier, folder):
    box = Box(tier, devices=NODES, processes=512)

    hung = boxes.run("cuda_hang", box=box, folder=folder, limit_s=20)
    again = boxes.run("cuda_kernel", box=box, folder=folder, limit_s=120)

    assert ("timed_out", 0) == (hung.how.value, hung.survivors)
    assert (b"2048.0",) == again.replies, again.output
