"""Dropout in train mode: what is dropped has to be what the reference drops."""

import torch
from torch import nn

ROWS, COLUMNS = 256, 512


class Model(nn.Module):
    def __init__(self, share):
        super().__init__()
        self.dropout = nn.Dropout(p=share)

    def forward(self, x):
        return 3.0 * self.dropout(x)


def get_inputs():
    return [torch.randn(ROWS, COLUMNS)]


def get_init_inputs():
    return [0.25]
