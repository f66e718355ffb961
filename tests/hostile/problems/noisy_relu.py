"""Scales by noise that float64 draws otherwise, so that there is nothing to compare errors with."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x):
        return torch.relu(x * (0.5 + torch.rand_like(x)))


def get_inputs():
    return [torch.rand(256, 512)]


def get_init_inputs():
    return []
