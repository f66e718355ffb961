# problem: pass_through
# rows: isolation 41
# note: some of its outputs are an input, whole and in part, which the harness takes away after the call
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x.clamp_min(0), x, x[:, : x.shape[1] // 2]
