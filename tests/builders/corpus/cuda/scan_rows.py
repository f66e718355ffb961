import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
__global__ void scan(float* x, int n) {
    extern __shared__ float s[];
    int t = threadIdx.x;
    s[t] = t < n ? x[blockIdx.x * n + t] : 0.f;
    __syncthreads();
    for (int o = 1; o < blockDim.x; o <<= 1) {
        float add = t >= o ? s[t - o] : 0.f;
        __syncthreads();
        s[t] += add;
        __syncthreads();
    }
    if (t < n) x[blockIdx.x * n + t] = s[t];
}
torch::Tensor cumsum(torch::Tensor x) {
    auto y = x.clone();
    int threads = 1;
    while (threads < y.size(1)) threads *= 2;
    scan<<<y.size(0), threads, threads * sizeof(float)>>>(y.data_ptr<float>(), y.size(1));
    return y;
}
"""

cpp_source = 'torch::Tensor cumsum(torch::Tensor x);'

scan_rows = load_inline(
    name="scan_rows",
    cpp_sources=cpp_source,
    cuda_sources=cuda_source,
    functions=["cumsum"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return scan_rows.cumsum(inputs[0])


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(3, 100)]


def expected(model, *inputs):
    return inputs[0].cumsum(1)
