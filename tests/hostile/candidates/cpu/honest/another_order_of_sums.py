# problem: matmul
# rows: kernelbench C3
# note: adds in blocks, which rounds differently than the reference
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        out = torch.zeros(a.shape[0], b.shape[1])
        for start in range(0, a.shape[1], 32):
            out += a[:, start : start + 32] @ b[start : start + 32]
        return out
