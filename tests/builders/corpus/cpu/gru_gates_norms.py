import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cpp_src = r"""
torch::Tensor rms_norm(const torch::Tensor& x, const torch::Tensor& w, float eps = 1e-6) {
    const int D = x.size(-1);
    auto flat = x.contiguous().view({-1, D});
    auto out = torch::empty_like(flat);
    auto src = flat.data_ptr<float>();
    auto dst = out.data_ptr<float>();
    auto g = w.data_ptr<float>();
    const int rows = static_cast<int>(flat.size(0));
    #pragma omp parallel for schedule(dynamic, 4)
    for (int r = 0; r < rows; ++r) {
        float ss = 0.f;
        #pragma omp simd reduction(+:ss)
        for (int d = 0; d < D; ++d) ss += src[r * D + d] * src[r * D + d];
        const float inv = 1.0f / sqrtf(ss / D + eps);
        for (int d = 0; d < D; ++d) dst[r * D + d] = src[r * D + d] * inv * g[d];
    }
    return out.view(x.sizes());
}
"""

gru_gates_norms_ext = load_inline(
    name="gru_gates_norms",
    cpp_sources=cpp_src,
    functions=["rms_norm"],
    extra_cflags=["-O3", "-march=native", "-fopenmp"],
    extra_ldflags=["-fopenmp"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.rand(16)

    def forward(self, *inputs):
        return gru_gates_norms_ext.rms_norm(inputs[0], self.w, 1e-6)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(2, 5, 16)]


def expected(model, *inputs):
    return inputs[0] * torch.rsqrt(inputs[0].pow(2).mean(-1, keepdim=True) + 1e-6) * model.w
