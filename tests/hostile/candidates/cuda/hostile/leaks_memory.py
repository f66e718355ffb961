# problem: relu_add
# rows: isolation 50, kernelbench E6
# verdict: passed|crashed
# effect: none
# note: leaks a gigabyte at every call
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.leaked = []

    def forward(self, x, y):
        self.leaked.append(torch.empty(1 << 30, dtype=torch.uint8, device="cuda"))
        return torch.relu(x + y)
