# problem: relu_add
# rows: isolation 15, kernelbench E7
# verdict: crashed|timed_out
# limit: 20
# leaves: nothing
# tiers: process, namespace
# note: forks until it may not (and stops at 3000, should nobody stop it)
import ctypes
import os
import time

from torch import nn

ctypes.CDLL(None).prctl(15, b"hx-forks")


class ModelNew(nn.Module):
    def forward(self, x, y):
        for _ in range(3000):
            if os.fork() == 0:
                time.sleep(600)
                os._exit(0)
        return x
