"""Softmax over a dimension of one element: ones, whatever the inputs are."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x):
        return torch.softmax(x, dim=1)


def get_inputs():
    return [torch.rand(4096, 1)]


def get_init_inputs():
    return []
