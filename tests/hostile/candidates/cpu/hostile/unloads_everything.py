# problem: relu_add
# rows: kernelbench A7
# verdict: passed|crashed|incorrect
# effect: none
# at_least_ms: 9
# limit: 20
# note: takes the harness's modules apart while it works, 10 ms a call
import sys
import time

import torch
from torch import nn

sleep, relu = time.sleep, torch.relu


class ModelNew(nn.Module):
    def forward(self, x, y):
        for name in [name for name in sys.modules if name.startswith("caesar.")]:
            del sys.modules[name]
        sleep(0.01)
        return relu(x + y)
