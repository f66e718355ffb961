# problem: relu_add
# rows: isolation 41
# verdict: incorrect
# reason: type|count
# note: forgets to return
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        torch.relu(x + y)
