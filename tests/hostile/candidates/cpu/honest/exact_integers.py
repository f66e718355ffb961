# problem: int_sum
# rows: kernelbench B13
# note: large integers, added in halves
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        left, right = x.chunk(2, dim=1)
        return (left + right).sum(dim=1)
