# problem: relu_add
# rows: isolation 25
# verdict: passed
# effect: none
# tiers: process, namespace
# listens: udp 17113
# note: sends datagrams, which landlock alone does not stop; whoever listens here would notice
import socket

import torch
from torch import nn


def tell():
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"hello from inside", ("127.0.0.1", 17113))
    except OSError:
        return


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        tell()

    def forward(self, x, y):
        return torch.relu(x + y)
