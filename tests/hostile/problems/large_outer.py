"""Small inputs and an output of 1 GB, which a GPU takes longer to copy than the judge's clock is fine."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x, y):
        return torch.outer(x, y)


def get_inputs():
    return [torch.randn(16384), torch.randn(16384)]


def get_init_inputs():
    return []
