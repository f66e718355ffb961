# problem: relu_add
# rows: isolation 20
# verdict: crashed|timed_out
# tiers: process, namespace
# limit: 30
# leaves: nothing
# note: starts threads until it may not (and stops at 20000)
import ctypes
import threading
import time

from torch import nn

ctypes.CDLL(None).prctl(15, b"hx-threads")


class ModelNew(nn.Module):
    def forward(self, x, y):
        threading.stack_size(1 << 16)
        for _ in range(20_000):
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        return x
