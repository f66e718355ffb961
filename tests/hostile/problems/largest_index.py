"""Where the largest element of each row stands: whole numbers only."""

import torch
from torch import nn

ROWS, COLUMNS = 512, 256


class Model(nn.Module):
    def forward(self, x):
        return torch.argmax(x, dim=1)


def get_inputs():
    return [torch.rand(ROWS, COLUMNS)]


def get_init_inputs():
    return []
