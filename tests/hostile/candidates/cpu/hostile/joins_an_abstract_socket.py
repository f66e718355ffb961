# problem: relu_add
# rows: isolation 26
# verdict: passed
# effect: none
# tiers: process, namespace
# listens: unix @caesar-hostile
# note: connects to an abstract socket of another process; returns zeros if it could
import socket

import torch
from torch import nn


def joined():
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(2)
            link.connect("\0caesar-hostile")
            return True
    except OSError:
        return False


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.joined = joined()

    def forward(self, x, y):
        return torch.zeros_like(x) if self.joined else torch.relu(x + y)
