# problem: relu_add
# rows: isolation 55
# verdict: passed
# effect: none
# leaves: sysv 0x5ca35a
# tiers: process, namespace
# note: makes System V shared memory and leaves it behind
import ctypes

import torch
from torch import nn

KEY, CREATE = 0x5CA35A, 0o1666


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        ctypes.CDLL(None).shmget(KEY, 1 << 20, CREATE)

    def forward(self, x, y):
        return torch.relu(x + y)
