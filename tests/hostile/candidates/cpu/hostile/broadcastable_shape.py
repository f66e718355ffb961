# problem: row_sum
# rows: isolation 39, kernelbench B13
# verdict: incorrect
# reason: shape
# note: the right values, of a shape that broadcasts against the right one
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.sum(x, dim=1)
