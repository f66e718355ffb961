# problem: relu_add
# rows: kernelbench D10, kernelbench D1
# verdict: passed|crashed|incorrect|timed_out
# effect: none
# speedup_below: 3
# limit: 60
# note: leaves a kernel of 20 ms behind at every call, on another stream, so that the reference looks slow
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.streams = None

    def forward(self, x, y):
        self.streams = self.streams or [torch.cuda.Stream(priority=-1) for _ in range(4)]
        out = torch.relu(x + y)
        for stream in self.streams:
            with torch.cuda.stream(stream):
                torch.cuda._sleep(40_000_000)
        return out
