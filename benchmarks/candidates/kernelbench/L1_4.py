"""A matrix times a vector: a block a row, four elements a load."""

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

__global__ void row_times_vector(const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ out,
                                 long long columns, bool vector) {
    __shared__ float shared[kThreads];
    const float* row = a + (long long)blockIdx.x * columns;
    const long long quads = vector ? columns / 4 : 0;
    float sum0 = 0.0f, sum1 = 0.0f, sum2 = 0.0f, sum3 = 0.0f;
    for (long long i = threadIdx.x; i < quads; i += kThreads) {
        const float4 x = reinterpret_cast<const float4*>(row)[i];
        const float4 y = reinterpret_cast<const float4*>(b)[i];
        sum0 += x.x * y.x;
        sum1 += x.y * y.y;
        sum2 += x.z * y.z;
        sum3 += x.w * y.w;
    }
    for (long long i = 4 * quads + threadIdx.x; i < columns; i += kThreads) sum0 += row[i] * b[i];
    const float total = over_block((sum0 + sum1) + (sum2 + sum3), shared, Sum());
    if (threadIdx.x == 0) out[blockIdx.x] = total;
}

torch::Tensor times_vector(torch::Tensor a, torch::Tensor b) {
    CHECK_INPUT(a);
    CHECK_INPUT(b);
    TORCH_CHECK(a.dim() == 2 && b.dim() == 2 && b.size(1) == 1 && a.size(1) == b.size(0), "a matrix and a column");
    auto out = torch::empty({a.size(0), 1}, a.options());
    if (a.size(0) == 0) return out;
    const long long columns = a.size(1);
    const bool vector = columns % 4 == 0 && ((size_t)a.data_ptr<float>() | (size_t)b.data_ptr<float>()) % 16 == 0;
    row_times_vector<<<(int)a.size(0), kThreads, 0, at::cuda::getCurrentCUDAStream()>>>(
        a.data_ptr<float>(), b.data_ptr<float>(), out.data_ptr<float>(), columns, vector);
    return out;
}
"""

CPP = "torch::Tensor times_vector(torch::Tensor a, torch::Tensor b);"

ops = load_inline(
    name="times_vector_ext",
    cpp_sources=CPP,
    cuda_sources=CUDA,
    functions=["times_vector"],
    extra_cuda_cflags=["-O3"],
)


class ModelNew(nn.Module):
    def forward(self, a, b):
        return ops.times_vector(a.contiguous(), b.contiguous())
