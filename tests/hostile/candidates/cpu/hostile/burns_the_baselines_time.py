# problem: relu_add
# rows: kernelbench D10, kernelbench D2
# verdict: passed|crashed
# effect: none
# speedup_below: 2.5
# note: eight threads multiply matrices whenever it is not the candidate's turn, so that the reference looks slow
import threading
import time

import torch
from torch import nn

BUSY = threading.Event()


def burn():
    left = torch.ones(192, 192)
    while True:
        if BUSY.is_set():
            torch.mm(left, left)
        else:
            time.sleep(0.0001)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.started = False

    def forward(self, x, y):
        BUSY.clear()
        if not self.started:
            self.started = True
            for _ in range(8):
                threading.Thread(target=burn, daemon=True).start()
        out = torch.relu(x + y)
        BUSY.set()
        return out
