import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cpp_source = r"""
torch::Tensor add_residual(torch::Tensor x, torch::Tensor residual, torch::Tensor offset) {
    TORCH_CHECK(x.scalar_type() == torch::kFloat32, "float32 expected");
    x = x.contiguous();
    residual = residual.contiguous();
    offset = offset.contiguous();
    auto out = torch::empty_like(x);

    const int64_t features = offset.numel();
    const int64_t rows = x.numel() / features;
    const float* a = x.data_ptr<float>();
    const float* b = residual.data_ptr<float>();
    const float* c = offset.data_ptr<float>();
    float* y = out.data_ptr<float>();

    // one pass over memory instead of two, without the temporary
    #pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; ++row) {
        const int64_t start = row * features;
        #pragma omp simd
        for (int64_t i = 0; i < features; ++i) {
            y[start + i] = a[start + i] + b[start + i] + c[i];
        }
    }
    return out;
}
"""

kernels = load_inline(
    name="add_residual_cpu",
    cpp_sources=cpp_source,
    functions=["add_residual"],
    extra_cflags=["-O3", "-march=native", "-fopenmp"],
    extra_ldflags=["-fopenmp"],
)


class ModelNew(nn.Module):
    def __init__(self, features: int):
        super().__init__()
        self.offset = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        return kernels.add_residual(x, residual, self.offset)
