"""A product of two lower triangular matrices, which is one as well."""

import torch
from torch import nn

SIZE = 512


class Model(nn.Module):
    def forward(self, a, b):
        return torch.tril(a @ b)


def get_inputs():
    return [torch.rand(SIZE, SIZE).tril(), torch.rand(SIZE, SIZE).tril()]


def get_init_inputs():
    return []
