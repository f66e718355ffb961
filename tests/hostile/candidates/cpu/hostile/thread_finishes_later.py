# problem: relu_add
# rows: isolation 34, kernelbench B6, kernelbench D2
# verdict: incorrect
# reason: values|timed_output
# note: returns at once; a thread fills the output in 10 ms later
import threading
import time

import torch
from torch import nn


def fill(out, x, y):
    time.sleep(0.01)
    torch.add(x, y, out=out).relu_()


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        threading.Thread(target=fill, args=(out, x, y), daemon=True).start()
        return out
