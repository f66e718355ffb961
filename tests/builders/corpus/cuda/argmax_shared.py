import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
#include <limits>
__global__ void argmax_kernel(const float* x, int64_t* out, int n) {
    __shared__ float v[128]; __shared__ int at[128];
    float best = -std::numeric_limits<float>::infinity(); int where = 0;
    for (int i = threadIdx.x; i < n; i += 128) if (x[blockIdx.x * n + i] > best) { best = x[blockIdx.x * n + i]; where = i; }
    v[threadIdx.x] = best; at[threadIdx.x] = where;
    __syncthreads();
    for (int s = 64; s; s >>= 1) {
        if (threadIdx.x < s && v[threadIdx.x + s] > v[threadIdx.x]) { v[threadIdx.x] = v[threadIdx.x + s]; at[threadIdx.x] = at[threadIdx.x + s]; }
        __syncthreads();
    }
    if (!threadIdx.x) out[blockIdx.x] = at[0];
}
torch::Tensor argmax_rows(const torch::Tensor& x) {
    auto out = torch::empty({x.size(0)}, torch::dtype(torch::kInt64).device(x.device()));
    argmax_kernel<<<x.size(0), 128>>>(x.data_ptr<float>(), out.data_ptr<int64_t>(), x.size(1));
    return out;
}
"""

cpp_source = 'torch::Tensor argmax_rows(const torch::Tensor& x);'

argmax_shared = load_inline(
    name="argmax_shared",
    cpp_sources=[cpp_source],
    cuda_sources=[cuda_source],
    functions=["argmax_rows"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return argmax_shared.argmax_rows(inputs[0])


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(5, 333)]


def expected(model, *inputs):
    return inputs[0].argmax(1)
