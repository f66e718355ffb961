"""Softmax over short rows, so that no constant is near it."""

import torch
from torch import nn

ROWS, COLUMNS = 1024, 128


class Model(nn.Module):
    def forward(self, x):
        return torch.softmax(x, dim=-1)


def get_inputs():
    return [3 * torch.randn(ROWS, COLUMNS)]


def get_init_inputs():
    return []
