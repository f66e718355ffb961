import os
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

SOURCE = r"""
torch::Tensor axpy(torch::Tensor x, torch::Tensor y, double alpha) {
    auto out = torch::empty_like(x);
    auto px = x.data_ptr<float>(), py0 = y.data_ptr<float>(), po = out.data_ptr<float>();
    for (int64_t i = 0; i < x.numel(); ++i) po[i] = alpha * px[i] + py0[i];
    return out;
}
"""


class ModelNew(nn.Module):
    def __init__(self, alpha):
        super().__init__()
        self.alpha = alpha
        os.environ["TORCH_CUDA_ARCH_LIST"] = "8.0"
        self.op = load_inline(name="axpy_lazy", cpp_sources=[SOURCE], functions=["axpy"], extra_cflags=["-O2"])

    def forward(self, x, y):
        return self.op.axpy(x, y, self.alpha)


def get_init_inputs():
    return [1.5]


def get_inputs():
    return [torch.randn(30), torch.randn(30)]


def expected(model, *inputs):
    return 1.5 * inputs[0] + inputs[1]
