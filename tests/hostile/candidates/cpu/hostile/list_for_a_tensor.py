# problem: relu_add
# rows: isolation 41
# verdict: incorrect
# reason: type|count
# note: the right tensor in a list
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        return [torch.relu(x + y)]
