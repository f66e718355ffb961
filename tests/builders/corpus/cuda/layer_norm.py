import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
#include <cuda.h>
#include <cuda_runtime.h>
__global__ void ln(const float* x, const float* g, const float* b, float* y, int n, float eps) {
    extern __shared__ float buf[];
    const float* row = x + blockIdx.x * n;
    float s = 0, q = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) { s += row[i]; q += row[i] * row[i]; }
    buf[threadIdx.x] = s; buf[blockDim.x + threadIdx.x] = q;
    __syncthreads();
    for (int o = blockDim.x / 2; o; o >>= 1) {
        if (threadIdx.x < o) { buf[threadIdx.x] += buf[threadIdx.x + o]; buf[blockDim.x + threadIdx.x] += buf[blockDim.x + threadIdx.x + o]; }
        __syncthreads();
    }
    const float mean = buf[0] / n, rstd = rsqrtf(buf[blockDim.x] / n - mean * mean + eps);
    for (int i = threadIdx.x; i < n; i += blockDim.x) y[blockIdx.x * n + i] = (row[i] - mean) * rstd * g[i] + b[i];
}
torch::Tensor layer_norm(torch::Tensor x, torch::Tensor g, torch::Tensor b, double eps) {
    x = x.contiguous();
    auto y = torch::empty_like(x);
    int n = x.size(-1), rows = x.numel() / n, threads = 128;
    ln<<<rows, threads, 2 * threads * sizeof(float)>>>(x.data_ptr<float>(), g.data_ptr<float>(), b.data_ptr<float>(), y.data_ptr<float>(), n, (float)eps);
    return y;
}
"""

cpp_source = 'torch::Tensor layer_norm(torch::Tensor x, torch::Tensor g, torch::Tensor b, double eps);'

layer_norm = load_inline(
    name="layer_norm",
    cpp_sources=[cpp_source],
    cuda_sources=[cuda_source],
    functions=["layer_norm"],
    verbose=True,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.rand(96))
        self.b = nn.Parameter(torch.rand(96))

    def forward(self, *inputs):
        return layer_norm.layer_norm(inputs[0], self.w, self.b, 1e-5)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(4, 5, 96)]


def expected(model, *inputs):
    return torch.nn.functional.layer_norm(inputs[0], (96,), model.w, model.b)
