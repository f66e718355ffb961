# problem: relu_add
# rows: kernelbench D10, kernelbench D2
# verdict: passed|crashed|incorrect|timed_out
# effect: none
# speedup_below: 3
# limit: 60
# note: a thread multiplies matrices on the device whenever it is not the candidate's turn
import threading
import time

import torch
from torch import nn

IDLE = threading.Event()


def burn():
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        left = torch.ones(4096, 4096, device="cuda")
        while True:
            if IDLE.is_set():
                torch.mm(left, left)
                stream.synchronize()
            else:
                time.sleep(0.0001)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.started = False

    def forward(self, x, y):
        IDLE.clear()
        if not self.started:
            self.started = True
            threading.Thread(target=burn, daemon=True).start()
        out = torch.relu(x + y)
        IDLE.set()
        return out
