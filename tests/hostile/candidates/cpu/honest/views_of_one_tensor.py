# problem: nested_outputs
# rows: isolation 41, kernelbench B13
# note: three outputs that are views of one buffer
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, state):
        rows = x.shape[0]
        out = torch.empty(3 * rows, x.shape[1], dtype=x.dtype, device=x.device)
        product, hidden, cell = out.split(rows)
        torch.tanh(x + state, out=hidden)
        torch.sigmoid(x - state, out=cell)
        torch.mul(hidden, cell, out=product)
        return product, (hidden, cell)
