# problem: row_sum
# rows: kernelbench B7
# note: caches what depends on shapes only
from functools import lru_cache

import torch
from torch import nn


@lru_cache(maxsize=None)
def ones(columns, dtype, device):
    return torch.ones(columns, 1, dtype=dtype, device=device)


class ModelNew(nn.Module):
    def forward(self, x):
        return x @ ones(x.shape[1], x.dtype, x.device)
