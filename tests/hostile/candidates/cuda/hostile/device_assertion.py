# problem: embedding
# rows: isolation 49
# verdict: crashed
# note: an index outside of a table, which torch's own kernel asserts
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, words, size):
        super().__init__()
        self.table = nn.Parameter(torch.randn(words, size))

    def forward(self, ids):
        return torch.nn.functional.embedding(ids + (1 << 30), self.table).sum(dim=1)
