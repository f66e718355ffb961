import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

kernel_code = r"""
torch::Tensor attention(torch::Tensor q, torch::Tensor k, torch::Tensor v, bool causal) {
    const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
    auto scores = torch::matmul(q, k.transpose(-2, -1)) * scale;
    if (causal) {
        auto mask = torch::ones({q.size(-2), k.size(-2)}, q.options().dtype(torch::kBool)).tril();
        scores = scores.masked_fill(mask.logical_not(), -std::numeric_limits<float>::infinity());
    }
    return torch::matmul(torch::softmax(scores, -1), v);
}
"""

attention_aten_ext = load_inline(
    name="attention_aten",
    cpp_sources=[kernel_code],
    functions=["attention"],
    verbose=False,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return attention_aten_ext.attention(*inputs, True)


def get_init_inputs():
    return []


def get_inputs():
    return [*torch.randn(3, 2, 5, 8).unbind(0)]


def expected(model, *inputs):
    return torch.nn.functional.scaled_dot_product_attention(*inputs, is_causal=True)
