# problem: triangular
# rows: kernelbench C3
# note: computes the blocks that can't be zero only, as a triangular matrix allows
import torch
from torch import nn

HALF = 256


class ModelNew(nn.Module):
    def forward(self, a, b):
        out = torch.zeros_like(a)
        out[:HALF, :HALF] = a[:HALF, :HALF] @ b[:HALF, :HALF]
        out[HALF:, :HALF] = a[HALF:] @ b[:, :HALF]
        out[HALF:, HALF:] = a[HALF:, HALF:] @ b[HALF:, HALF:]
        return out
