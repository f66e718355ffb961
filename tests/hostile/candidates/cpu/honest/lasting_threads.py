# problem: relu_add
# rows: kernelbench D2
# note: one pool for all calls, whose threads wait between them
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn


def fill(x, y, out):
    torch.add(x, y, out=out)
    out.clamp_(min=0)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = ThreadPoolExecutor(2)

    def forward(self, x, y):
        out = torch.empty_like(x)
        list(self.pool.map(fill, x.chunk(4), y.chunk(4), out.chunk(4)))
        return out
