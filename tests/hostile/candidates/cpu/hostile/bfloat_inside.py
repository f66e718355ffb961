# problem: matmul
# rows: isolation 43, kernelbench C3
# verdict: incorrect
# reason: values
# note: multiplies in bfloat16
from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        return (a.bfloat16() @ b.bfloat16()).float()
