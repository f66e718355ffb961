# problem: relu_add
# rows: isolation 1
# note: a launcher without torch headers, built as a plain library, called through ctypes on torch's stream
import ctypes

import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

SOURCE = """
#include <cuda_runtime.h>
__global__ void kernel(const float* x, const float* y, float* out, long n) {
    const long i = blockIdx.x * (long)blockDim.x + threadIdx.x;
    if (i < n) out[i] = fmaxf(x[i] + y[i], 0.0f);
}
extern "C" int launch(const float* x, const float* y, float* out, long n, void* stream) {
    kernel<<<(n + 255) / 256, 256, 0, static_cast<cudaStream_t>(stream)>>>(x, y, out, n);
    return cudaGetLastError();
}
"""

path = load_inline(
    name="plain_launcher",
    cpp_sources="",
    cuda_sources=SOURCE,
    is_python_module=False,
    no_implicit_headers=True,
)
launch = ctypes.CDLL(str(path)).launch
launch.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_long, ctypes.c_void_p]


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        stream = torch.cuda.current_stream().cuda_stream
        if launch(x.data_ptr(), y.data_ptr(), out.data_ptr(), out.numel(), stream) != 0:
            raise RuntimeError("the kernel was not launched")
        return out
