# problem: relu_add
# rows: isolation 1
# note: a kernel without any torch header, built by load_inline, called through ctypes
import ctypes

import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

SOURCE = """
extern "C" void relu_add(const float* x, const float* y, float* out, long n) {
    for (long i = 0; i < n; ++i) {
        const float total = x[i] + y[i];
        out[i] = total > 0 ? total : 0;
    }
}
"""

path = load_inline(
    name="plain_symbols",
    cpp_sources=SOURCE,
    extra_cflags=["-O3"],
    is_python_module=False,
    no_implicit_headers=True,
)
relu_add = ctypes.CDLL(str(path)).relu_add
relu_add.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_long]
relu_add.restype = None


class ModelNew(nn.Module):
    def forward(self, x, y):
        x, y = x.contiguous(), y.contiguous()
        out = torch.empty_like(x)
        relu_add(x.data_ptr(), y.data_ptr(), out.data_ptr(), out.numel())
        return out
