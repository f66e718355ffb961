# problem: linear_bias
# rows: kernelbench B4
# note: buffers and a counter that the reference does not have
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, inputs, outputs, scale=0.5):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5)
        self.bias = nn.Parameter(torch.randn(outputs))
        self.register_buffer("scratch", torch.empty(64, outputs), persistent=False)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.scale = scale

    def forward(self, x):
        self.calls += 1
        torch.mm(x, self.weight.t(), out=self.scratch)
        return self.scratch.add(self.bias).mul_(self.scale)
