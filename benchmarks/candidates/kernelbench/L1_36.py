"""RMS normalisation over the second dimension: a thread a position, channels kept in registers where 64."""

import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

CUDA = r"""
#include <torch/extension.h>
#include <ATen/cuda/CUDAContext.h>

#define CHECK_INPUT(x) \
    TORCH_CHECK((x).is_cuda() && (x).is_contiguous() && (x).scalar_type() == torch::kFloat32, \
                #x " must be a contiguous float32 CUDA tensor")

template <int kChannels>
__global__ void normalise(const float* __restrict__ in, float* __restrict__ out, int channels, long long inner,
                          long long positions, float eps) {
    const long long position = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (position >= positions) return;
    const int count = kChannels > 0 ? kChannels : channels;
    const long long first = position / inner * inner * count + position % inner;
    float kept[kChannels > 0 ? kChannels : 1];
    float sum = 0.0f;
#pragma unroll
    for (int c = 0; c < count; c++) {
        const float x = in[first + c * inner];
        if (kChannels > 0) kept[kChannels > 0 ? c : 0] = x;
        sum += x * x;
    }
    const float rms = sqrtf(sum / count + eps);
#pragma unroll
    for (int c = 0; c < count; c++) {
        const float x = kChannels > 0 ? kept[kChannels > 0 ? c : 0] : in[first + c * inner];
        out[first + c * inner] = x / rms;
    }
}

torch::Tensor rms_norm(torch::Tensor x, double eps) {
    CHECK_INPUT(x);
    TORCH_CHECK(x.dim() >= 2, "a batch of channels");
    auto y = torch::empty_like(x);
    if (x.numel() == 0) return y;
    const int channels = (int)x.size(1);
    const long long positions = x.numel() / channels, inner = positions / x.size(0);
    const int threads = 256, blocks = (int)((positions + threads - 1) / threads);
    const auto stream = at::cuda::getCurrentCUDAStream();
    if (channels == 64)
        normalise<64><<<blocks, threads, 0, stream>>>(
            x.data_ptr<float>(), y.data_ptr<float>(), channels, inner, positions, (float)eps);
    else
        normalise<0><<<blocks, threads, 0, stream>>>(
            x.data_ptr<float>(), y.data_ptr<float>(), channels, inner, positions, (float)eps);
    return y;
}
"""

CPP = "torch::Tensor rms_norm(torch::Tensor x, double eps);"

ops = load_inline(
    name="rms_norm_ext",
    cpp_sources=CPP,
    cuda_sources=CUDA,
    functions=["rms_norm"],
    extra_cuda_cflags=["-O3"],
)


class ModelNew(nn.Module):
    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps

    def forward(self, x):
        return ops.rms_norm(x.contiguous(), self.eps)
