import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
__global__ void pool(const float* x, float* y, int64_t* ix, int n, int k) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float best = x[i * k]; int64_t at = 0;
    for (int j = 1; j < k; ++j) if (x[i * k + j] > best) { best = x[i * k + j]; at = j; }
    y[i] = best; ix[i] = at;
}
std::vector<torch::Tensor> pool_cuda(torch::Tensor x, int64_t k) {
    auto y = torch::empty({x.numel() / k}, x.options());
    auto ix = torch::empty({x.numel() / k}, x.options().dtype(torch::kLong));
    pool<<<(y.numel() + 63) / 64, 64>>>(x.data_ptr<float>(), y.data_ptr<float>(), ix.data_ptr<int64_t>(), y.numel(), k);
    return {y, ix};
}
"""

cpp_source = 'std::vector<torch::Tensor> pool_cuda(torch::Tensor x, int64_t k);'

max_pool_indices = load_inline(
    name="max_pool_indices",
    cpp_sources=[cpp_source],
    cuda_sources=[cuda_source],
    functions=["pool_cuda"],
    verbose=True,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return max_pool_indices.pool_cuda(inputs[0], 4)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(128)]


def expected(model, *inputs):
    return list(inputs[0].view(-1, 4).max(1))
