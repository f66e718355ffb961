# problem: relu_add
# rows: isolation 53
# verdict: crashed
# reason: protocol|time_limit
# limit: 20
# note: sends one byte to every socket it inherited, and a length that announces 4 GB
import os
import socket
import stat

import torch
from torch import nn


def sockets():
    for name in os.listdir("/proc/self/fd"):
        try:
            number = int(name)
            if number > 2 and stat.S_ISSOCK(os.fstat(number).st_mode):
                yield socket.socket(fileno=os.dup(number))
        except OSError:
            continue


class ModelNew(nn.Module):
    def forward(self, x, y):
        for link in sockets():
            for piece in (b"\x01", b"\xff\xff\xff\xff"):
                try:
                    link.send(piece)
                except OSError:
                    continue
        return torch.relu(x + y)
