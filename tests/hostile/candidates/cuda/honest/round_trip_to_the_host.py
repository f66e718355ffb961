# problem: two_outputs
# rows: isolation 42
# note: pinned memory and asynchronous copies, waited for, and the outputs back on the device
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        host = torch.empty(x.shape, pin_memory=True)
        host.copy_(x, non_blocking=True)
        torch.cuda.current_stream().synchronize()
        values, places = host.max(dim=1)
        return values.to(x.device), places.to(x.device)
