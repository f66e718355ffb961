import asyncio
import os
from types import SimpleNamespace

import pytest

from caesar.devices import health
from caesar.devices.health import healthy, strangers
from caesar.devices.inventory import Device, find_gpus

GPU = Device("GPU-1", "a GPU", index=0)
CPU = Device("cpu:0", "a processor")


class Nvml:
    """What NVML says of the one GPU, call by call; the last answer stays."""

    def __init__(self, monkeypatch, *processes, used=0.01, marked=()):
        self.processes = list(processes)
        self.used = used
        monkeypatch.setattr(health, "_asked", self.asked)
        monkeypatch.setattr(health, "is_marked", lambda pid: pid in marked)

    def asked(self, device, question):
        return None if device.index is None else question(self, "handle")

    def nvmlDeviceGetComputeRunningProcesses(self, handle):  # noqa: N802 - NVML's name
        pids = self.processes.pop(0) if len(self.processes) > 1 else self.processes[0]
        return [SimpleNamespace(pid=pid) for pid in pids]

    def nvmlDeviceGetMemoryInfo(self, handle):  # noqa: N802 - NVML's name
        return SimpleNamespace(used=self.used, total=1.0)


def looked_at(device, **options):
    return asyncio.run(healthy(device, **options))


def test_a_cpu_slot_has_no_strangers_and_is_healthy():
    assert strangers(CPU) is None
    assert looked_at(CPU) is None


def test_a_gpu_that_cannot_be_asked_is_not_condemned(monkeypatch):
    monkeypatch.setattr(health, "_asked", lambda device, question: None)

    assert strangers(GPU) is None
    assert looked_at(GPU) is None


def test_strangers_are_the_processes_that_no_holder_started(monkeypatch):
    Nvml(monkeypatch, (1, 2, 3), marked=(2,))

    assert (1, 3) == strangers(GPU)


def test_what_a_holder_left_is_waited_for(monkeypatch):
    Nvml(monkeypatch, (7,), (7,), (), marked=(7,))
    monkeypatch.setattr(health, "_PAUSE_S", 0.001)

    assert looked_at(GPU) is None


def test_what_stays_on_a_gpu_makes_it_unfit(monkeypatch):
    Nvml(monkeypatch, (7,), marked=(7,))

    assert "process 7 is still on GPU-1" == looked_at(GPU, within_s=0.0)


def test_strangers_do_not_make_a_gpu_unfit(monkeypatch):
    Nvml(monkeypatch, (8,), used=0.9)

    assert looked_at(GPU) is None


def test_memory_that_did_not_come_back_makes_a_gpu_unfit(monkeypatch):
    Nvml(monkeypatch, (), used=0.5)

    assert "50% of the memory of GPU-1 is in use though no process is on it" == looked_at(GPU, within_s=0.0)


@pytest.mark.requires_cuda
def test_a_real_gpu_tells_who_is_on_it_and_is_healthy():
    gpu = next(iter(find_gpus(os.environ).devices), None)
    if gpu is None:
        pytest.skip("no GPU here")

    assert strangers(gpu) is not None
    assert looked_at(gpu) is None
