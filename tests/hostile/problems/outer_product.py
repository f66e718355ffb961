"""Small inputs and an output of 32 MB: what there is to do is to write it."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x, y):
        return torch.outer(x, y)


def get_inputs():
    return [torch.randn(2048), torch.randn(4096)]


def get_init_inputs():
    return []
