"""Holds a tensor that is neither parameter nor buffer, so that converting the model leaves it as it is."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.linspace(0.5, 1.5, 512 * 256).reshape(512, 256)

    def forward(self, x):
        return torch.relu(x @ self.scale)


def get_inputs():
    return [torch.rand(256, 512)]


def get_init_inputs():
    return []
