# problem: row_sum
# rows: isolation 39
# verdict: incorrect
# reason: shape
# note: one number for all rows
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x.sum()
