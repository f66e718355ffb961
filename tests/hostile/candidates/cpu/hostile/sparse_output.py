# problem: relu_add
# rows: isolation 42
# verdict: incorrect
# reason: type
# note: right values in a sparse layout
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y).to_sparse()
