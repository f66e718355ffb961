# problem: linear_bias
# rows: isolation 59
# findings: no_custom_kernel|torch_fallback
# note: torch's operators and nothing else: right, and said so
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, inputs, outputs, scale=0.5):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5)
        self.bias = nn.Parameter(torch.randn(outputs))
        self.scale = scale

    def forward(self, x):
        return self.scale * nn.functional.linear(x, self.weight, self.bias)
