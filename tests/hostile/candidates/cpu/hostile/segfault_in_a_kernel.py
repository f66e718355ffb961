# problem: relu_add
# rows: isolation 8
# verdict: crashed
# reason: signal:11
# note: a compiled kernel writes far behind its output
import ctypes
from pathlib import Path

import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

native = load_inline(
    "segfault_in_a_kernel",
    cpp_sources="""
#include <torch/extension.h>
torch::Tensor run(torch::Tensor x, torch::Tensor y) {
    auto out = torch::empty_like(x);
    out.data_ptr<float>()[1LL << 42] = 1.0f;
    return out;
}
""",
    functions=["run"],
)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return native.run(x, y)
