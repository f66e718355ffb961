# problem: relu_add
# rows: isolation 33, kernelbench D1, kernelbench B6
# verdict: passed|incorrect
# effect: none
# at_least_ms: 5
# note: does its 10 ms of work on a stream that nobody waits for
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.stream = None

    def forward(self, x, y):
        self.stream = self.stream or torch.cuda.Stream()
        with torch.cuda.stream(self.stream):
            torch.cuda._sleep(20_000_000)
            return torch.relu(x + y)
