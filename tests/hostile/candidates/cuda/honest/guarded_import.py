# problem: relu_add
# rows: kernelbench C2
# note: try and except around an import that may fail, which is no fallback
import torch
from torch import nn

try:
    import a_package_that_nobody_installed as accelerated
except ImportError:
    accelerated = None


class ModelNew(nn.Module):
    def forward(self, x, y):
        total = x + y
        return accelerated.relu(total) if accelerated is not None else torch.clamp_min(total, 0.0)
