# problem: relu_add
# rows: isolation 31, kernelbench B7, kernelbench D4
# verdict: incorrect|passed
# effect: none
# at_least_ms: 9
# note: takes 10 ms for an input at an address it has not seen, and returns the same output for the same address
import time

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.kept = {}

    def forward(self, x, y):
        address = x.data_ptr()
        if address not in self.kept:
            time.sleep(0.01)
            self.kept[address] = torch.relu(x + y)
        return self.kept[address]
