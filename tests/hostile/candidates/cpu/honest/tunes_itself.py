# problem: row_softmax
# rows: isolation 46
# note: measures three variants at its first call, and stays with the fastest
import time

import torch
from torch import nn


def whole(x):
    return torch.softmax(x, dim=-1)


def by_hand(x):
    powers = torch.exp(x - x.amax(dim=-1, keepdim=True))
    return powers / powers.sum(dim=-1, keepdim=True)


def in_halves(x):
    return torch.cat([by_hand(part) for part in x.chunk(2)])


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.best = None

    def forward(self, x):
        if self.best is None:
            self.best = min((whole, by_hand, in_halves), key=lambda variant: self.seconds(variant, x))
        return self.best(x)

    @staticmethod
    def seconds(variant, x):
        started = time.perf_counter()
        for _ in range(3):
            variant(x)
        return time.perf_counter() - started
