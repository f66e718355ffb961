# problem: nested_outputs
# rows: isolation 1
# note: two extensions in one file, the second returning several tensors
from torch import nn
from torch.utils.cpp_extension import load_inline

first = load_inline(
    name="two_extensions_product",
    cpp_sources="""
#include <torch/extension.h>
torch::Tensor product(torch::Tensor a, torch::Tensor b) {
    auto out = torch::empty_like(a);
    for (int64_t i = 0; i < a.numel(); ++i)
        out.data_ptr<float>()[i] = a.data_ptr<float>()[i] * b.data_ptr<float>()[i];
    return out;
}
""",
    functions="product",
)

second = load_inline(
    name="two_extensions_gates",
    cpp_sources="""
#include <torch/extension.h>
#include <cmath>
#include <vector>
std::vector<torch::Tensor> gates(torch::Tensor x, torch::Tensor state) {
    auto hidden = torch::empty_like(x);
    auto cell = torch::empty_like(x);
    const float* a = x.data_ptr<float>();
    const float* b = state.data_ptr<float>();
    for (int64_t i = 0; i < x.numel(); ++i) {
        hidden.data_ptr<float>()[i] = std::tanh(a[i] + b[i]);
        cell.data_ptr<float>()[i] = 1.0f / (1.0f + std::exp(b[i] - a[i]));
    }
    return {hidden, cell};
}
""",
    functions=["gates"],
)


class ModelNew(nn.Module):
    def forward(self, x, state):
        hidden, cell = second.gates(x.contiguous(), state.contiguous())
        return first.product(hidden, cell), (hidden, cell)
