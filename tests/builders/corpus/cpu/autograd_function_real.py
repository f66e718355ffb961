import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
#include <torch/extension.h>
struct Square : public torch::autograd::Function<Square> {
    static torch::Tensor forward(torch::autograd::AutogradContext* ctx, torch::Tensor x) {
        ctx->save_for_backward({x});
        return x * x;
    }
    static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* ctx, torch::autograd::tensor_list g) {
        return {2 * ctx->get_saved_variables()[0] * g[0]};
    }
};
torch::Tensor square(torch::Tensor x) { return Square::apply(x); }
"""

autograd_function_real_ext = load_inline(
    name="autograd_function_real",
    cpp_sources=[source],
    functions=["square"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return autograd_function_real_ext.square(inputs[0])


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(10)]


def expected(model, *inputs):
    return inputs[0] ** 2
