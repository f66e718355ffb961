# problem: row_softmax
# rows: isolation 46
# note: Triton with autotuning at the first call, which launches on the device and takes times
import torch
import triton
import triton.language as tl
from torch import nn


@triton.autotune(
    configs=[triton.Config({"ROWS": rows}, num_warps=warps) for rows in (1, 2, 4) for warps in (1, 4)],
    key=["columns"],
)
@triton.jit
def kernel(x, out, rows, columns, COLUMNS: tl.constexpr, ROWS: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, COLUMNS)[None, :]
    inside = (row < rows) & (column < columns)
    values = tl.load(x + row * columns + column, mask=inside, other=-float("inf"))
    powers = tl.exp(values - tl.max(values, axis=1)[:, None])
    tl.store(out + row * columns + column, powers / tl.sum(powers, axis=1)[:, None], mask=inside)


def grid(settings):
    return (triton.cdiv(settings["rows"], settings["ROWS"]),)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        rows, columns = x.shape
        kernel[grid](x, out, rows, columns, COLUMNS=triton.next_power_of_2(columns))
        return out
