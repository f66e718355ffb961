# problem: relu_add
# rows: isolation 46, kernelbench D2
# verdict: passed|crashed|timed_out
# effect: none
# at_least_ms: 9
# limit: 30
# note: patches the functions that frames are sent by: each waits 10 ms after it sent, in which a thread could work
import os
import socket
import time

import torch
from torch import nn


def slow(original):
    def wrapped(*arguments, **options):
        sent = original(*arguments, **options)
        time.sleep(0.002)
        return sent

    return wrapped


for name in ("send", "sendall", "sendmsg"):
    setattr(socket.socket, name, slow(getattr(socket.socket, name)))
os.write = slow(os.write)


class ModelNew(nn.Module):
    def forward(self, x, y):
        time.sleep(0.01)
        return torch.relu(x + y)
