# problem: relu_add
# rows: isolation 34, kernelbench D2
# verdict: incorrect
# reason: values|timed_output
# note: a Python thread fills the output in 10 ms after the call returned
import threading
import time

import torch
from torch import nn


def fill(out, x, y):
    time.sleep(0.01)
    torch.add(x, y, out=out).relu_()


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.zeros_like(x)
        threading.Thread(target=fill, args=(out, x, y), daemon=True).start()
        return out
