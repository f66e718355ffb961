# problem: int_sum
# rows: kernelbench B13
# verdict: incorrect
# reason: values
# note: adds in 32 bits what needs 64
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x.int().sum(dim=1, dtype=torch.int32).long()
