# problem: row_sum
# rows: isolation 41
# verdict: incorrect
# reason: type
# note: a number in Python
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return float(x.sum())
