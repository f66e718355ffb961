# problem: linear_bias
# rows: kernelbench B11
# verdict: incorrect
# reason: values
# note: leaves out a term of the sum
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, inputs, outputs, scale=0.5):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.randn(outputs))
        self.scale = scale

    def forward(self, x):
        return self.scale * (x @ self.weight.t())
