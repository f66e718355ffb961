# problem: relu_add
# rows: isolation 38, kernelbench B13
# verdict: incorrect
# reason: dtype
# note: right values in double precision
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x.double() + y.double())
