# problem: relu_add
# rows: isolation 5
# build: built|failed(import_error)|failed(compiler_error)
# verdict: crashed
# note: a Triton kernel that does not compile, which shows at its first call
import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def kernel(x, out, n, BLOCK: tl.constexpr):
    offsets = tl.arange(0, BLOCK)
    tl.store(out + offsets, tl.nothing_of_that_name(x + offsets))


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        kernel[(1,)](x, out, x.numel(), BLOCK=1024)
        return out
