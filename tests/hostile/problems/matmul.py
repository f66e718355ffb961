"""A plain product of two inputs, with a long enough sum to tell half precision from single."""

import torch
from torch import nn

SIZE = 256


class Model(nn.Module):
    def forward(self, a, b):
        return a @ b


def get_inputs():
    return [torch.randn(SIZE, SIZE), torch.randn(SIZE, SIZE)]


def get_init_inputs():
    return []
