# problem: dropout_scale
# rows: kernelbench C8
# verdict: incorrect
# reason: values
# note: drops the right share of other elements
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, share):
        super().__init__()
        self.share = share

    def forward(self, x):
        kept = torch.rand_like(x) >= self.share
        return torch.where(kept.flip(0), 3.0 * x / (1 - self.share), 0.0)
