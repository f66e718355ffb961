# problem: int_sum
# rows: kernelbench B13
# verdict: incorrect
# reason: values
# note: adds integers in single precision, right to seven digits
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x.float().sum(dim=1).long()
