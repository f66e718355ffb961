# problem: relu_add
# rows: isolation 13
# verdict: timed_out
# reason: time_limit
# limit: 8
# leaves: nothing
# note: stops its own process, which then hears nothing but SIGKILL
import ctypes
import os
import signal

from torch import nn

ctypes.CDLL(None).prctl(15, b"hx-stopped")


class ModelNew(nn.Module):
    def forward(self, x, y):
        os.kill(os.getpid(), signal.SIGSTOP)
        return x + y
