# problem: relu_add
# rows: isolation 40, kernelbench B13
# note: a transposed view of what it computed
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x.t().contiguous() + y.t()).t()
