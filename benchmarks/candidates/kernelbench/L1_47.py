"""A sum over one dimension: a thread an output, in four independent sums."""

import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

CUDA = r"""
#include <torch/extension.h>
#include <ATen/cuda/CUDAContext.h>

#define CHECK_INPUT(x) \
    TORCH_CHECK((x).is_cuda() && (x).is_contiguous() && (x).scalar_type() == torch::kFloat32, \
                #x " must be a contiguous float32 CUDA tensor")

__global__ void sum_middle(const float* __restrict__ in, float* __restrict__ out, long long length, long long inner,
                           long long outputs) {
    const long long output = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (output >= outputs) return;
    const float* source = in + output / inner * length * inner + output % inner;
    float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    long long i = 0;
#pragma unroll 4
    for (; i + 4 <= length; i += 4) {
        sums[0] += source[i * inner];
        sums[1] += source[(i + 1) * inner];
        sums[2] += source[(i + 2) * inner];
        sums[3] += source[(i + 3) * inner];
    }
    for (; i < length; i++) sums[0] += source[i * inner];
    out[output] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

torch::Tensor sum_over(torch::Tensor x, int64_t dim) {
    CHECK_INPUT(x);
    TORCH_CHECK(dim >= 0 && dim < x.dim(), "no such dimension");
    auto sizes = x.sizes().vec();
    const long long length = sizes[dim];
    long long inner = 1;
    for (int64_t d = dim + 1; d < x.dim(); d++) inner *= sizes[d];
    sizes[dim] = 1;
    auto out = torch::empty(sizes, x.options());
    const long long outputs = out.numel();
    if (outputs == 0) return out;
    const int threads = 256, blocks = (int)((outputs + threads - 1) / threads);
    sum_middle<<<blocks, threads, 0, at::cuda::getCurrentCUDAStream()>>>(
        x.data_ptr<float>(), out.data_ptr<float>(), length, inner, outputs);
    return out;
}
"""

CPP = "torch::Tensor sum_over(torch::Tensor x, int64_t dim);"

ops = load_inline(
    name="sum_over_ext",
    cpp_sources=CPP,
    cuda_sources=CUDA,
    functions=["sum_over"],
    extra_cuda_cflags=["-O3"],
)


class ModelNew(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, x):
        return ops.sum_over(x.contiguous(), self.dim % x.dim())
