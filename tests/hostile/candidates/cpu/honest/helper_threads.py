# problem: relu_add
# rows: kernelbench D2
# note: a pool of threads for each call, joined before it returns
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn


def fill(x, y, out):
    torch.add(x, y, out=out)
    out.clamp_(min=0)


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        with ThreadPoolExecutor(2) as pool:
            for work in [pool.submit(fill, *rows) for rows in zip(x.chunk(2), y.chunk(2), out.chunk(2))]:
                work.result()
        return out
