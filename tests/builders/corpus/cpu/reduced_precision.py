import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cpp_src = r"""
torch::Tensor silu_any(torch::Tensor x) {
    auto in = x.contiguous();
    auto out = torch::empty_like(in);
    AT_DISPATCH_FLOATING_TYPES_AND2(at::ScalarType::Half, at::ScalarType::BFloat16, in.scalar_type(), "silu_any", [&] {
        const scalar_t* p = in.data_ptr<scalar_t>();
        scalar_t* q = out.data_ptr<scalar_t>();
        for (int64_t i = 0; i < in.numel(); ++i) {
            const float v = static_cast<float>(p[i]);
            q[i] = static_cast<scalar_t>(v / (1.0f + std::exp(-v)));
        }
    });
    return out;
}
"""

reduced_precision_ext = load_inline(
    name="reduced_precision",
    cpp_sources=cpp_src,
    functions=["silu_any"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return tuple(reduced_precision_ext.silu_any(x) for x in inputs)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(40), torch.randn(40).half(), torch.randn(40).bfloat16()]


def expected(model, *inputs):
    return tuple(torch.nn.functional.silu(x.float()).to(x.dtype) for x in inputs)
