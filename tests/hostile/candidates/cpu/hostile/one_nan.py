# problem: relu_add
# rows: isolation 37, kernelbench B12
# verdict: incorrect
# reason: values
# note: right but for one element, which is NaN
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.relu(x + y)
        out[-1, -1] = float("nan")
        return out
