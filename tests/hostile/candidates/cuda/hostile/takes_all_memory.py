# problem: relu_add
# rows: isolation 17, kernelbench E6
# verdict: crashed
# reason: out_of_memory
# note: takes all of the device's memory, and wants more
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        kept = []
        while True:
            kept.append(torch.empty(1 << 30, dtype=torch.uint8, device="cuda"))
