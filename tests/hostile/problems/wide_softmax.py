"""Softmax over rows so long that all of it is near the tolerance, and none of it within."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x):
        return torch.softmax(x, dim=-1)


def get_inputs():
    return [torch.rand(128, 4096)]


def get_init_inputs():
    return []
