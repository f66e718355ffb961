# problem: relu_add
# rows: isolation 63
# note: carriage returns at the end of every line
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
