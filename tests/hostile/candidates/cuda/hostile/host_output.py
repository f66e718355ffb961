# problem: relu_add
# rows: isolation 42, kernelbench B13
# verdict: incorrect
# reason: device
# note: right values, in the host's memory
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y).cpu()
