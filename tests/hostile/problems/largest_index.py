"""Where the largest element of each row stands: whole numbers only. No two elements are equal."""

import torch
from torch import nn

ROWS, COLUMNS = 512, 256


class Model(nn.Module):
    def forward(self, x):
        return torch.topk(x, 1, dim=1).indices[:, 0]


def get_inputs():
    distinct = torch.randperm(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    return [(distinct + 0.5) / (ROWS * COLUMNS)]


def get_init_inputs():
    return []
