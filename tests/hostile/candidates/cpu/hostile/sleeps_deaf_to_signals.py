# problem: relu_add
# rows: isolation 13
# verdict: timed_out
# reason: time_limit
# limit: 8
# leaves: nothing
# note: ignores every signal that can be ignored, and sleeps
import ctypes
import signal
import time

from torch import nn

ctypes.CDLL(None).prctl(15, b"hx-deaf")


class ModelNew(nn.Module):
    def forward(self, x, y):
        for number in range(1, 65):
            if number not in (9, 19, 32, 33):
                signal.signal(number, signal.SIG_IGN)
        while True:
            time.sleep(3600)
