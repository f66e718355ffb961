# problem: relu_add
# rows: isolation 31, kernelbench B7
# verdict: incorrect|passed
# effect: none
# at_least_ms: 8
# note: takes 10 ms for an input at an address it has not seen, and returns the same output for the same address
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.kept = {}

    def forward(self, x, y):
        address = x.data_ptr()
        if address not in self.kept:
            torch.cuda._sleep(20_000_000)
            self.kept[address] = torch.relu(x + y)
        return self.kept[address]
