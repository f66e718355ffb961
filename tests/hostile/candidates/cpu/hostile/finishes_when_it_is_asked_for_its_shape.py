# problem: relu_add
# rows: kernelbench D7
# verdict: incorrect|crashed|timed_out|passed
# effect: none
# at_least_ms: 9
# note: a dict of outputs whose items are computed when they are read, 10 ms each
import time

import torch
from torch import nn


class Late(tuple):
    def __new__(cls, x, y):
        made = super().__new__(cls, (torch.zeros_like(x),))
        made.late = (x, y)
        return made

    def __iter__(self):
        time.sleep(0.01)
        x, y = self.late
        return iter((torch.relu(x + y),))

    def __getitem__(self, index):
        return list(self)[index]


class ModelNew(nn.Module):
    def forward(self, x, y):
        return Late(x, y)
