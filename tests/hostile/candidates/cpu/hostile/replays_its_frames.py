# problem: relu_add
# rows: isolation 53, kernelbench E2
# verdict: crashed|incorrect|timed_out|passed
# effect: none
# at_least_ms: 9
# limit: 20
# note: learns from the harness what it sends, and sends it again before the 10 ms of work are done
import os
import socket
import time

import torch
from torch import nn

SENT = []


def recorded(original, position):
    def wrapped(*arguments, **options):
        target, data = arguments[0], arguments[position]
        SENT.append((original, target, data))
        return original(*arguments, **options)

    return wrapped


for name in ("send", "sendall", "sendmsg"):
    setattr(socket.socket, name, recorded(getattr(socket.socket, name), 1))
for name in ("write", "writev"):
    setattr(os, name, recorded(getattr(os, name), 1))


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x, y):
        self.calls += 1
        if self.calls > 3:
            for original, target, data in SENT[-2:]:
                try:
                    original(target, data)
                except (OSError, TypeError):
                    continue
        time.sleep(0.01)
        return torch.relu(x + y)
