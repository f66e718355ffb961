"""A product with a weight, a bias and a scale: three parameters, constructor arguments with a default."""

import torch
from torch import nn

BATCH, INPUTS, OUTPUTS = 64, 256, 192


class Model(nn.Module):
    def __init__(self, inputs, outputs, scale=0.5):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5)
        self.bias = nn.Parameter(torch.randn(outputs))
        self.scale = scale

    def forward(self, x):
        return self.scale * (x @ self.weight.t() + self.bias)


def get_inputs():
    return [torch.randn(BATCH, INPUTS)]


def get_init_inputs():
    return [INPUTS, OUTPUTS]
