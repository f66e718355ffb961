# problem: linear_bias
# rows: isolation 1
# note: a frozen dataclass for its configuration, and a cached property
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn


@dataclass(frozen=True)
class Shape:
    inputs: int
    outputs: int
    scale: float = 0.5

    @cached_property
    def spread(self):
        return self.inputs**-0.5


class ModelNew(nn.Module):
    def __init__(self, *arguments):
        super().__init__()
        self.shape = Shape(*arguments)
        self.weight = nn.Parameter(torch.randn(self.shape.outputs, self.shape.inputs) * self.shape.spread)
        self.bias = nn.Parameter(torch.randn(self.shape.outputs))

    def forward(self, x):
        return self.shape.scale * torch.addmm(self.bias, x, self.weight.t())
