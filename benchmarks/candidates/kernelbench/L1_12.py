"""Rows of a matrix scaled by a diagonal, without the diagonal matrix."""

import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

CUDA = r"""
#include <torch/extension.h>
#include <ATen/cuda/CUDAContext.h>

#define CHECK_INPUT(x) \
    TORCH_CHECK((x).is_cuda() && (x).is_contiguous() && (x).scalar_type() == torch::kFloat32, \
                #x " must be a contiguous float32 CUDA tensor")

__global__ void scale(const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ out, int rows,
                      int columns, bool vector) {
    const int quads = vector ? columns / 4 : 0;
    for (int row = blockIdx.x; row < rows; row += gridDim.x) {
        const float factor = a[row];
        const float* source = b + (long long)row * columns;
        float* target = out + (long long)row * columns;
        for (int i = threadIdx.x; i < quads; i += blockDim.x) {
            float4 v = reinterpret_cast<const float4*>(source)[i];
            v.x *= factor;
            v.y *= factor;
            v.z *= factor;
            v.w *= factor;
            reinterpret_cast<float4*>(target)[i] = v;
        }
        for (int i = 4 * quads + threadIdx.x; i < columns; i += blockDim.x) target[i] = factor * source[i];
    }
}

torch::Tensor scale_rows(torch::Tensor a, torch::Tensor b) {
    CHECK_INPUT(a);
    CHECK_INPUT(b);
    TORCH_CHECK(a.dim() == 1 && b.dim() == 2 && a.size(0) == b.size(0), "a diagonal and a matrix of as many rows");
    auto out = torch::empty_like(b);
    if (b.numel() == 0) return out;
    const int rows = (int)b.size(0), columns = (int)b.size(1);
    const bool vector = columns % 4 == 0 && ((size_t)b.data_ptr<float>() | (size_t)out.data_ptr<float>()) % 16 == 0;
    scale<<<rows < 65536 ? rows : 65536, 256, 0, at::cuda::getCurrentCUDAStream()>>>(
        a.data_ptr<float>(), b.data_ptr<float>(), out.data_ptr<float>(), rows, columns, vector);
    return out;
}
"""

CPP = "torch::Tensor scale_rows(torch::Tensor a, torch::Tensor b);"

ops = load_inline(
    name="scale_rows_ext",
    cpp_sources=CPP,
    cuda_sources=CUDA,
    functions=["scale_rows"],
    extra_cuda_cflags=["-O3"],
)


class ModelNew(nn.Module):
    def forward(self, a, b):
        return ops.scale_rows(a.contiguous(), b.contiguous())
