# problem: two_outputs
# rows: isolation 38
# verdict: incorrect
# reason: dtype
# note: the second output has 32 bits for 64
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        values, places = torch.max(x, dim=1)
        return values, places.int()
