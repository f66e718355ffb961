# problem: matmul
# rows: kernelbench C3
# verdict: incorrect
# reason: values
# note: rounds its inputs as TF32 does
import torch
from torch import nn


def rounded(x):
    return (x.view(torch.int32) + 0x1000 & ~0x1FFF).view(torch.float32)


class ModelNew(nn.Module):
    def forward(self, a, b):
        return rounded(a) @ rounded(b)
