# problem: two_outputs
# rows: isolation 41, isolation 53
# verdict: incorrect|crashed
# note: a million outputs, of which a frame has room for some
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        values, places = torch.max(x, dim=1)
        return (values, places, *([values] * 1_000_000))
