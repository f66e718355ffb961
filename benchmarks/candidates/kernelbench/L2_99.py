"""A linear layer with GELU in one kernel, the softmax of its rows in another."""

import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

CUDA = r"""
#include <torch/extension.h>
#include <ATen/cuda/CUDAContext.h>

#define CHECK_INPUT(x) \
    TORCH_CHECK((x).is_cuda() && (x).is_contiguous() && (x).scalar_type() == torch::kFloat32, \
                #x " must be a contiguous float32 CUDA tensor")

constexpr int kTile = 128;
constexpr int kDepth = 16;

__device__ __forceinline__ float finish(float sum, float bias) {
    const float y = sum + bias;
    return 0.5f * y * (1.0f + erff(y * 0.70710678118654752f));
}

template <bool kVector>
__device__ __forceinline__ float4 four(const float* __restrict__ matrix, int row, int column, int rows, int columns) {
    float4 v = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    if (row >= rows) return v;
    const float* at = matrix + (long long)row * columns + column;
    if (kVector) {
        if (column < columns) v = *reinterpret_cast<const float4*>(at);
        return v;
    }
    if (column < columns) v.x = at[0];
    if (column + 1 < columns) v.y = at[1];
    if (column + 2 < columns) v.z = at[2];
    if (column + 3 < columns) v.w = at[3];
    return v;
}

// out[m][n] = finish(sum over k of x[m][k] * weight[n][k], bias[n]); a block makes 128 x 128, a thread 8 x 8
template <bool kVector>
__global__ void __launch_bounds__(256)
    gemm(const float* __restrict__ x, const float* __restrict__ weight, const float* __restrict__ bias,
         float* __restrict__ out, int rows, int columns, int depth) {
    __shared__ float left[kDepth][kTile + 4];
    __shared__ float right[kDepth][kTile + 4];
    const int across = threadIdx.x % 16 * 4, down = threadIdx.x / 16 * 4;
    const int row0 = blockIdx.y * kTile, column0 = blockIdx.x * kTile;
    float sums[8][8];
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) sums[i][j] = 0.0f;
    for (int k0 = 0; k0 < depth; k0 += kDepth) {
#pragma unroll
        for (int part = 0; part < 2; part++) {
            const int index = threadIdx.x + 256 * part, line = index / 4, k = index % 4 * 4;
            const float4 a = four<kVector>(x, row0 + line, k0 + k, rows, depth);
            const float4 b = four<kVector>(weight, column0 + line, k0 + k, columns, depth);
            left[k][line] = a.x;
            left[k + 1][line] = a.y;
            left[k + 2][line] = a.z;
            left[k + 3][line] = a.w;
            right[k][line] = b.x;
            right[k + 1][line] = b.y;
            right[k + 2][line] = b.z;
            right[k + 3][line] = b.w;
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < kDepth; k++) {
            float a[8], b[8];
#pragma unroll
            for (int i = 0; i < 8; i++) a[i] = left[k][down + i % 4 + i / 4 * 64];
#pragma unroll
            for (int j = 0; j < 8; j++) b[j] = right[k][across + j % 4 + j / 4 * 64];
#pragma unroll
            for (int i = 0; i < 8; i++)
#pragma unroll
                for (int j = 0; j < 8; j++) sums[i][j] += a[i] * b[j];
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < 8; i++) {
        const int row = row0 + down + i % 4 + i / 4 * 64;
        if (row >= rows) continue;
#pragma unroll
        for (int j = 0; j < 8; j++) {
            const int column = column0 + across + j % 4 + j / 4 * 64;
            if (column < columns) out[(long long)row * columns + column] = finish(sums[i][j], bias[column]);
        }
    }
}

torch::Tensor linear_gelu(torch::Tensor x, torch::Tensor weight, torch::Tensor bias) {
    CHECK_INPUT(x);
    CHECK_INPUT(weight);
    CHECK_INPUT(bias);
    TORCH_CHECK(x.dim() == 2 && weight.dim() == 2 && x.size(1) == weight.size(1) && bias.numel() == weight.size(0),
                "x is [m, k], weight [n, k], bias [n]");
    const int rows = (int)x.size(0), columns = (int)weight.size(0), depth = (int)x.size(1);
    auto out = torch::empty({x.size(0), weight.size(0)}, x.options());
    if (out.numel() == 0) return out;
    const dim3 grid((columns + kTile - 1) / kTile, (rows + kTile - 1) / kTile);
    const bool vector = depth % 4 == 0 && ((size_t)x.data_ptr<float>() | (size_t)weight.data_ptr<float>()) % 16 == 0;
    const auto stream = at::cuda::getCurrentCUDAStream();
    if (vector)
        gemm<true><<<grid, 256, 0, stream>>>(x.data_ptr<float>(), weight.data_ptr<float>(), bias.data_ptr<float>(),
                                             out.data_ptr<float>(), rows, columns, depth);
    else
        gemm<false><<<grid, 256, 0, stream>>>(x.data_ptr<float>(), weight.data_ptr<float>(), bias.data_ptr<float>(),
                                              out.data_ptr<float>(), rows, columns, depth);
    return out;
}

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

struct Largest {
    __device__ float operator()(float a, float b) const { return a > b || a != a ? a : b; }
};

__global__ void softmax_rows(const float* __restrict__ in, float* __restrict__ out, long long columns) {
    __shared__ float shared[kThreads];
    const float* source = in + (long long)blockIdx.x * columns;
    float* target = out + (long long)blockIdx.x * columns;
    float largest = -INFINITY, sum = 0.0f;
    for (long long i = threadIdx.x; i < columns; i += kThreads) {
        const float x = source[i];
        if (x > largest) {
            sum = sum * expf(largest - x) + 1.0f;
            largest = x;
        } else if (largest == -INFINITY) {
            sum += x == -INFINITY ? 0.0f : x;
        } else {
            sum += expf(x - largest);
        }
    }
    const float top = over_block(largest, shared, Largest());
    const float part = largest == -INFINITY ? sum : sum * expf(largest - top);
    const float total = over_block(part, shared, Sum());
    const float factor = 1.0f / total;
    for (long long i = threadIdx.x; i < columns; i += kThreads) target[i] = expf(source[i] - top) * factor;
}

torch::Tensor softmax_forward(torch::Tensor x) {
    CHECK_INPUT(x);
    auto y = torch::empty_like(x);
    if (x.numel() == 0) return y;
    softmax_rows<<<(int)x.size(0), kThreads, 0, at::cuda::getCurrentCUDAStream()>>>(
        x.data_ptr<float>(), y.data_ptr<float>(), x.size(1));
    return y;
}
"""

CPP = "torch::Tensor linear_gelu(torch::Tensor x, torch::Tensor weight, torch::Tensor bias); torch::Tensor softmax_forward(torch::Tensor x);"

ops = load_inline(
    name="linear_gelu_ext",
    cpp_sources=CPP,
    cuda_sources=CUDA,
    functions=["linear_gelu", "softmax_forward"],
    extra_cuda_cflags=["-O3"],
)


class ModelNew(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x):
        layer = self.linear
        return ops.softmax_forward(
            ops.linear_gelu(x.contiguous(), layer.weight.contiguous(), layer.bias.contiguous())
        )
