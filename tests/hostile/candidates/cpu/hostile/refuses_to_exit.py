# problem: relu_add
# rows: isolation 56
# verdict: passed
# effect: none
# leaves: nothing
# limit: 60
# note: handlers at exit, destructors, signals and a thread that nobody joins keep the process from ending
import atexit
import ctypes
import signal
import threading
import time

import torch
from torch import nn

ctypes.CDLL(None).prctl(15, b"hx-stays")


def stay(*_arguments):
    time.sleep(3600)


class Clinging:
    def __del__(self):
        stay()


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.clinging = Clinging()
        atexit.register(stay)
        signal.signal(signal.SIGTERM, stay)
        threading.Thread(target=stay, daemon=False).start()

    def forward(self, x, y):
        return torch.relu(x + y)
