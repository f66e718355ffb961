import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
#include <torch/torch.h>
#include <iostream>
__global__ void fill(float* y, int n, float v) { int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) y[i] = v; }
__global__ void saxpy(const float* x, float* y, int n, float a) { int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) y[i] += a * x[i]; }
torch::Tensor run(torch::Tensor x, float a) {
    cudaEvent_t start, stop;
    cudaEventCreate(&start); cudaEventCreate(&stop);
    auto y = torch::empty_like(x);
    int n = static_cast<int>(x.numel());
    dim3 grid((n + 255) / 256), block(256);
    cudaEventRecord(start);
    fill<<<grid, block>>>(y.data_ptr<float>(), n, 1.f);
    saxpy<<<grid, block>>>(x.data_ptr<float>(), y.data_ptr<float>(), n, a);
    cudaEventRecord(stop); cudaEventSynchronize(stop);
    float ms = 0; cudaEventElapsedTime(&ms, start, stop);
    if (ms < 0) std::cerr << "time runs backwards" << std::endl;
    return y;
}
"""

cpp_source = 'torch::Tensor run(torch::Tensor x, float a);'

events_and_two_kernels = load_inline(
    name="events_and_two_kernels",
    cpp_sources=cpp_source,
    cuda_sources=cuda_source,
    functions=["run"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return events_and_two_kernels.run(inputs[0], 3.0)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(400)]


def expected(model, *inputs):
    return 1 + 3 * inputs[0]
