# problem: relu_add
# rows: isolation 54
# verdict: passed|crashed
# effect: none
# tiers: process, namespace
# leaves: nothing
# note: sends SIGKILL and SIGSTOP to its parent and its parent's children
import ctypes
import os
import signal

import torch
from torch import nn

ctypes.CDLL(None).prctl(15, b"hx-parricide")


def shoot(pid):
    for number in (signal.SIGSTOP, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except OSError:
            continue


class ModelNew(nn.Module):
    def forward(self, x, y):
        parent = os.getppid()
        if parent > 1 or os.getpid() < 64:
            shoot(max(parent, 1))
        return torch.relu(x + y)
