# problem: batch_norm
# rows: kernelbench C8
# verdict: incorrect
# reason: values
# note: normalises by the running statistics, which needs no pass over the batch
from torch import nn
from torch.nn import functional


class ModelNew(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x):
        norm = self.norm
        return functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)
