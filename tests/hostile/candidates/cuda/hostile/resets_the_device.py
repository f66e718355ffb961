# problem: relu_add
# rows: isolation 49
# verdict: crashed|incorrect
# note: destroys its process's context in the middle of a call
import ctypes

import torch
from torch import nn


def runtime():
    with open("/proc/self/maps") as file:
        return next(line.split()[-1] for line in file if "libcudart" in line)


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.relu(x + y)
        torch.cuda.synchronize()
        ctypes.CDLL(runtime()).cudaDeviceReset()
        return out
