# problem: matmul
# rows: kernelbench C3
# note: a tiled product that asks for full precision
import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def kernel(a, b, out, SIZE: tl.constexpr, TILE: tl.constexpr):
    rows = tl.program_id(0) * TILE + tl.arange(0, TILE)[:, None]
    columns = tl.program_id(1) * TILE + tl.arange(0, TILE)[None, :]
    steps = tl.arange(0, TILE)
    total = tl.zeros((TILE, TILE), dtype=tl.float32)
    for start in range(0, SIZE, TILE):
        left = tl.load(a + rows * SIZE + start + steps[None, :])
        right = tl.load(b + (start + steps[:, None]) * SIZE + columns)
        total += tl.dot(left, right, input_precision="ieee")
    tl.store(out + rows * SIZE + columns, total)


class ModelNew(nn.Module):
    def forward(self, a, b):
        size = a.shape[0]
        out = torch.empty_like(a)
        kernel[(size // 32, size // 32)](a, b, out, SIZE=size, TILE=32)
        return out
