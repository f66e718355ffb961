# problem: embedding
# rows: isolation 1
# note: an integer input, used as an index
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, words, size):
        super().__init__()
        self.table = nn.Parameter(torch.randn(words, size))

    def forward(self, ids):
        return nn.functional.embedding_bag(ids, self.table, mode="sum")
