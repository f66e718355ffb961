# problem: relu_add
# rows: isolation 16, kernelbench E6
# verdict: crashed
# reason: memory_limit|out_of_memory|signal:9|exception:MemoryError|exception:RuntimeError
# limit: 60
# tiers: process, namespace
# note: takes memory until it may not (and stops where the machine would suffer)
import torch
from torch import nn


LEFT = 3 << 30


def memory(name):
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name)) << 10


class ModelNew(nn.Module):
    def forward(self, x, y):
        if memory("MemAvailable") - LEFT < memory("MemTotal") // 2:
            raise MemoryError("this machine has too little to reach the limit")
        kept = []
        while memory("MemAvailable") > LEFT:
            kept.append(torch.ones(1 << 26))
        return x
