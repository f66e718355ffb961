# problem: matmul
# rows: isolation 43, kernelbench C3
# verdict: incorrect
# reason: values
# note: multiplies in half precision
from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b):
        return (a.half() @ b.half()).float()
