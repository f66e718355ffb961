# problem: row_sum
# rows: isolation 1
# note: registers an operator with torch, and loads the library for its effect only
import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

SOURCE = """
#include <torch/extension.h>
#include <torch/library.h>

at::Tensor row_sum(const at::Tensor& x) {
    auto in = x.contiguous();
    auto out = at::empty({in.size(0), 1}, in.options());
    for (int64_t row = 0; row < in.size(0); ++row) {
        double total = 0;
        for (int64_t i = 0; i < in.size(1); ++i) total += in.data_ptr<float>()[row * in.size(1) + i];
        out.data_ptr<float>()[row] = static_cast<float>(total);
    }
    return out;
}

TORCH_LIBRARY(registered_operator, m) { m.def("row_sum(Tensor x) -> Tensor", row_sum); }
"""

load_inline(name="registered_operator", cpp_sources=SOURCE, is_python_module=False)


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.ops.registered_operator.row_sum(x)
