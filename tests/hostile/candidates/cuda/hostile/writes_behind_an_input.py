# problem: relu_add
# rows: isolation 48, kernelbench B3
# verdict: crashed|incorrect|passed
# effect: none
# note: writes behind the end of an input, where something of the judge's might lie
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        for offset in (x.numel(), x.numel() + (1 << 16), -(1 << 16)):
            address = x.data_ptr() + 4 * offset
            place = type("Place", (), {})()
            place.__cuda_array_interface__ = {
                "shape": (1024,),
                "typestr": "<f4",
                "data": (address, False),
                "version": 3,
            }
            torch.as_tensor(place, device="cuda").fill_(float("nan"))
        torch.cuda.synchronize()
        return torch.relu(x + y)
