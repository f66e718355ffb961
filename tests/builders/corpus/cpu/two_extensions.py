import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

first = load_inline(
    name="first_op",
    cpp_sources="torch::Tensor run(torch::Tensor x) { return x + 1; }",
    functions="run",
)
second = load_inline(
    name="second_op",
    cpp_sources="torch::Tensor run(torch::Tensor x, int64_t n) { return x.unsqueeze(0).expand({n, x.size(0)}).contiguous(); }",
    functions=["run"],
    with_pytorch_error_handling=False,
)


class ModelNew(nn.Module):
    def forward(self, x):
        return second.run(first.run(x), 3)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(6)]


def expected(model, *inputs):
    return (inputs[0] + 1).expand(3, 6)
