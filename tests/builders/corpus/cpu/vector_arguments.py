import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cpp_source = r"""
torch::Tensor combine(std::vector<torch::Tensor> parts, std::vector<double> weights, std::string mode) {
    TORCH_CHECK(!parts.empty() && parts.size() == weights.size(), "one weight for each of ", parts.size(), " tensors");
    if (mode == "sum") {
        auto out = torch::zeros_like(parts[0]);
        for (size_t i = 0; i < parts.size(); ++i) out += parts[i] * weights[i];
        return out;
    }
    if (mode == "stack") return torch::stack(parts, 0).sum(0);
    return torch::cat(parts, -1);
}
"""

vector_arguments_ext = load_inline(
    name="vector_arguments",
    cpp_sources=cpp_source,
    functions=["combine"],
    verbose=False,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return tuple(vector_arguments_ext.combine(list(inputs), [1.0, 0.5, 2.0], mode) for mode in ("sum", "stack", "cat"))


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(2, 3), torch.randn(2, 3), torch.randn(2, 3)]


def expected(model, *inputs):
    return (inputs[0] + 0.5 * inputs[1] + 2 * inputs[2], sum(inputs), torch.cat(inputs, -1))
