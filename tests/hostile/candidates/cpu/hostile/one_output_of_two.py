# problem: two_outputs
# rows: isolation 41
# verdict: incorrect
# reason: count|type
# note: forgets the second output
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return (torch.max(x, dim=1).values,)
