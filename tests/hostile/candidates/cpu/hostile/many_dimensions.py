# problem: row_sum
# rows: isolation 39, isolation 53
# verdict: incorrect
# reason: shape|type
# note: an output of 64 dimensions, more than a description has room for
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.sum(x, dim=1, keepdim=True)
        return out.view(*out.shape, *([1] * 62))
