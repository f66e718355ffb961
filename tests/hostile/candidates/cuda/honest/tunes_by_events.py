# problem: row_softmax
# rows: isolation 46, kernelbench A6
# note: measures variants with events at its first call, as anybody may
import torch
from torch import nn


def whole(x):
    return torch.softmax(x, dim=-1)


def by_hand(x):
    powers = torch.exp(x - x.amax(dim=-1, keepdim=True))
    return powers / powers.sum(dim=-1, keepdim=True)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.best = None

    def forward(self, x):
        if self.best is None:
            self.best = min((whole, by_hand), key=lambda variant: self.milliseconds(variant, x))
        return self.best(x)

    @staticmethod
    def milliseconds(variant, x):
        begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        variant(x)
        begun.record()
        variant(x)
        ended.record()
        torch.cuda.synchronize()
        return begun.elapsed_time(ended)
