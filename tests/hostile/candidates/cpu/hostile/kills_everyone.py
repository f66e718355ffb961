# problem: relu_add
# rows: isolation 54
# verdict: passed|crashed
# effect: none
# tiers: namespace
# note: sends SIGKILL to all it may, but only where it sees that it is in a namespace of its own
import os
import signal

import torch
from torch import nn


def alone():
    return os.getpid() < 64 and sum(name.isdigit() for name in os.listdir("/proc")) < 10


class ModelNew(nn.Module):
    def forward(self, x, y):
        if alone():
            try:
                os.kill(-1, signal.SIGKILL)
            except OSError:
                pass
        return torch.relu(x + y)
