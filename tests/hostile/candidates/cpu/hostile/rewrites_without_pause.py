# problem: relu_add
# rows: isolation 34
# verdict: incorrect|passed
# effect: none
# note: a thread keeps writing zeros into every writable shared buffer: a later look sees what an earlier one did not
import ctypes
import threading
import time
from pathlib import Path

import torch
from torch import nn

SIZE = 512 * 1024 * 4


def shared_buffers():
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights = line.split()[:2]
        start, end = (int(part, 16) for part in span.split("-"))
        if rights.startswith("rw") and rights.endswith("s") and end - start >= SIZE:
            yield start


def rewrite():
    zeros = bytes(SIZE)
    for _ in range(2000):
        for start in shared_buffers():
            ctypes.memmove(start, zeros, SIZE)
        time.sleep(0.001)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.started = False

    def forward(self, x, y):
        if not self.started:
            self.started = True
            threading.Thread(target=rewrite, daemon=True).start()
        return torch.relu(x + y)
