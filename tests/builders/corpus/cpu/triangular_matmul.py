import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

kernel_code = r"""
torch::Tensor tri_mm(torch::Tensor A, torch::Tensor B) {
    AT_ASSERTM(A.size(0) == A.size(1), "square");
    const int n = A.size(0);
    auto C = torch::full({n, n}, 0.0, A.options());
    const float *a = A.const_data_ptr<float>(), *b = B.const_data_ptr<float>();
    float* c = C.mutable_data_ptr<float>();
    for (int i = 0; i < n; ++i) for (int k = 0; k <= i; ++k) for (int j = 0; j <= k; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
    return C;
}
"""

triangular_matmul_ext = load_inline(
    name="triangular_matmul",
    cpp_sources=[kernel_code],
    functions=["tri_mm"],
    verbose=False,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return triangular_matmul_ext.tri_mm(inputs[0].tril().contiguous(), inputs[1].tril().contiguous())


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(12, 12), torch.randn(12, 12)]


def expected(model, *inputs):
    return torch.tril(inputs[0].tril() @ inputs[1].tril())
