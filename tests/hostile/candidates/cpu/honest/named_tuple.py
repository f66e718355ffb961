# problem: two_outputs
# rows: isolation 41
# note: torch's own named tuple for the pair that the reference returns
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.max(x, 1)
