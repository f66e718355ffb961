# expected: compiler_error: k
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
__global__ void k(float* y, int n) { y[0] = n; }
torch::Tensor f(torch::Tensor x) { k<<<1, 1>>>(x.data_ptr<float>()); return x; }
"""

module = load_inline(name="cuda_too_few_arguments", cpp_sources='torch::Tensor f(torch::Tensor x);', cuda_sources=cuda_source, functions=["f"])


class ModelNew(nn.Module):
    def forward(self, x):
        return module.f(x)
