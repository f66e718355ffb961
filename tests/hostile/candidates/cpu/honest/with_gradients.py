# problem: linear_bias
# rows: kernelbench D8
# note: turns gradients on, and returns an output that requires them
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, inputs, outputs, scale=0.5):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5)
        self.bias = nn.Parameter(torch.randn(outputs))
        self.scale = scale

    @torch.enable_grad()
    def forward(self, x):
        return self.scale * nn.functional.linear(x, self.weight, self.bias)
