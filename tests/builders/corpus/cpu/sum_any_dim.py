import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cpp_src = r"""
torch::Tensor sum_dim(torch::Tensor input, int64_t dim, bool keepdim) {
    if (dim < 0) dim += input.dim();
    TORCH_CHECK(dim >= 0 && dim < input.dim(), "dim out of range: ", dim);
    input = input.contiguous();
    int64_t outer = 1, inner = 1;
    for (int64_t i = 0; i < dim; ++i) outer *= input.size(i);
    for (int64_t i = dim + 1; i < input.dim(); ++i) inner *= input.size(i);
    std::vector<int64_t> shape;
    for (int64_t i = 0; i < input.dim(); ++i) {
        if (i != dim) shape.push_back(input.size(i));
        else if (keepdim) shape.push_back(1);
    }
    torch::Tensor result = torch::zeros(shape, input.options());
    const float* src = input.data_ptr<float>(); float* dst = result.data_ptr<float>();
    for (int64_t o = 0; o < outer; ++o) for (int64_t d = 0; d < input.size(dim); ++d) for (int64_t i = 0; i < inner; ++i)
        dst[o * inner + i] += src[(o * input.size(dim) + d) * inner + i];
    return result;
}
"""

sum_any_dim_ext = load_inline(
    name="sum_any_dim",
    cpp_sources=cpp_src,
    functions=["sum_dim"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return sum_any_dim_ext.sum_dim(inputs[0], 1, True)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(4, 6, 5)]


def expected(model, *inputs):
    return inputs[0].sum(1, keepdim=True)
