# problem: linear_bias
# rows: isolation 1
# note: a constructor with more arguments than it is given, and annotations
from __future__ import annotations

import torch
from torch import Tensor, nn


class ModelNew(nn.Module):
    def __init__(self, inputs: int, outputs: int, scale: float = 0.5, *, tile: int = 64) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5)
        self.bias = nn.Parameter(torch.randn(outputs))
        self.scale, self.tile = scale, tile

    def forward(self, x: Tensor) -> Tensor:
        parts = [
            torch.addmm(self.bias[start : start + self.tile], x, self.weight[start : start + self.tile].t())
            for start in range(0, self.weight.shape[0], self.tile)
        ]
        return self.scale * torch.cat(parts, dim=1)
