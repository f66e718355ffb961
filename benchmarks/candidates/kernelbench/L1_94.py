"""A mean squared error in two steps, the partial sums in double precision."""

import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

CUDA = r"""
#include <torch/extension.h>
#include <ATen/cuda/CUDAContext.h>

#define CHECK_INPUT(x) \
    TORCH_CHECK((x).is_cuda() && (x).is_contiguous() && (x).scalar_type() == torch::kFloat32, \
                #x " must be a contiguous float32 CUDA tensor")

constexpr int kThreads = 256;

template <typename T, typename Combine>
__device__ T over_block(T value, T* shared, Combine combine) {
    shared[threadIdx.x] = value;
    __syncthreads();
    for (int half = kThreads / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) shared[threadIdx.x] = combine(shared[threadIdx.x], shared[threadIdx.x + half]);
        __syncthreads();
    }
    const T result = shared[0];
    __syncthreads();
    return result;
}

struct Sum {
    template <typename T>
    __device__ T operator()(T a, T b) const { return a + b; }
};

constexpr int kBlocks = 2048;

__global__ void partial_sums(const float* __restrict__ a, const float* __restrict__ b, double* __restrict__ parts,
                             long long count, bool vector) {
    __shared__ double shared[kThreads];
    const long long first = (long long)blockIdx.x * kThreads + threadIdx.x;
    const long long step = (long long)gridDim.x * kThreads;
    const long long quads = vector ? count / 4 : 0;
    float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (long long i = first; i < quads; i += step) {
        const float4 x = reinterpret_cast<const float4*>(a)[i];
        const float4 y = reinterpret_cast<const float4*>(b)[i];
        sums[0] += (x.x - y.x) * (x.x - y.x);
        sums[1] += (x.y - y.y) * (x.y - y.y);
        sums[2] += (x.z - y.z) * (x.z - y.z);
        sums[3] += (x.w - y.w) * (x.w - y.w);
    }
    for (long long i = 4 * quads + first; i < count; i += step) sums[0] += (a[i] - b[i]) * (a[i] - b[i]);
    const double own = ((double)sums[0] + sums[1]) + ((double)sums[2] + sums[3]);
    const double total = over_block(own, shared, Sum());
    if (threadIdx.x == 0) parts[blockIdx.x] = total;
}

__global__ void mean_of_parts(const double* __restrict__ parts, float* __restrict__ out, int blocks, long long count) {
    __shared__ double shared[kThreads];
    double sum = 0.0;
    for (int i = threadIdx.x; i < blocks; i += kThreads) sum += parts[i];
    const double total = over_block(sum, shared, Sum());
    if (threadIdx.x == 0) out[0] = (float)(total / (double)count);
}

torch::Tensor mean_squared_error(torch::Tensor a, torch::Tensor b) {
    CHECK_INPUT(a);
    CHECK_INPUT(b);
    TORCH_CHECK(a.sizes() == b.sizes(), "predictions and targets of one shape");
    auto out = torch::empty({}, a.options());
    auto parts = torch::empty({kBlocks}, a.options().dtype(torch::kFloat64));
    const long long count = a.numel();
    const bool vector = ((size_t)a.data_ptr<float>() | (size_t)b.data_ptr<float>()) % 16 == 0;
    const auto stream = at::cuda::getCurrentCUDAStream();
    partial_sums<<<kBlocks, kThreads, 0, stream>>>(
        a.data_ptr<float>(), b.data_ptr<float>(), parts.data_ptr<double>(), count, vector);
    mean_of_parts<<<1, kThreads, 0, stream>>>(parts.data_ptr<double>(), out.data_ptr<float>(), kBlocks, count);
    return out;
}
"""

CPP = "torch::Tensor mean_squared_error(torch::Tensor a, torch::Tensor b);"

ops = load_inline(
    name="mean_squared_error_ext",
    cpp_sources=CPP,
    cuda_sources=CUDA,
    functions=["mean_squared_error"],
    extra_cuda_cflags=["-O3"],
)


class ModelNew(nn.Module):
    def forward(self, predictions, targets):
        return ops.mean_squared_error(predictions.contiguous(), targets.contiguous())
