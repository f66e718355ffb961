"""Rows of a table, chosen by an integer input, summed over each sentence."""

import torch
from torch import nn

WORDS, SIZE, SENTENCES, LENGTH = 1000, 64, 128, 16


class Model(nn.Module):
    def __init__(self, words, size):
        super().__init__()
        self.table = nn.Parameter(torch.randn(words, size))

    def forward(self, ids):
        return self.table[ids].sum(dim=1)


def get_inputs():
    return [torch.randint(0, WORDS, (SENTENCES, LENGTH))]


def get_init_inputs():
    return [WORDS, SIZE]
