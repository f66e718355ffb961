# problem: relu_add
# rows: isolation 14, kernelbench D3
# verdict: passed|crashed
# effect: none
# findings: children_left
# leaves: nothing
# marker: /tmp/caesar-hostile-marker-daemon
# note: a detached daemon that outlives its candidate and touches a file two seconds later
import ctypes
import os
import time

import torch
from torch import nn

ctypes.CDLL(None).prctl(15, b"hx-daemon")


def detach():
    candidate = os.getpid()
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    while os.path.exists(f"/proc/{candidate}"):
        time.sleep(0.02)
    time.sleep(2)
    with open("/tmp/caesar-hostile-marker-daemon", "w") as file:
        file.write("still here")
    time.sleep(60)
    os._exit(0)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.started = False

    def forward(self, x, y):
        if not self.started:
            self.started = True
            detach()
        return torch.relu(x + y)
