# problem: matmul
# rows: kernelbench C3
# note: computes in double precision, and rounds once
from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        return (a.double() @ b.double()).float()
