# problem: relu_add
# rows: isolation 1
# note: the ordinary Triton candidate
import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def kernel(x, y, out, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    total = tl.load(x + offsets, mask=inside) + tl.load(y + offsets, mask=inside)
    tl.store(out + offsets, tl.maximum(total, 0.0), mask=inside)


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        n = out.numel()
        kernel[(triton.cdiv(n, 1024),)](x, y, out, n, BLOCK=1024)
        return out
