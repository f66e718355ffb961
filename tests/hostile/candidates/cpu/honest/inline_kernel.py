# problem: relu_add
# rows: isolation 1
# note: the ordinary candidate: one C++ function by load_inline, at module level
from torch import nn
from torch.utils.cpp_extension import load_inline

SOURCE = """
#include <torch/extension.h>

torch::Tensor relu_add(torch::Tensor x, torch::Tensor y) {
    TORCH_CHECK(x.sizes() == y.sizes(), "x and y must have the same shape");
    auto a = x.contiguous();
    auto b = y.contiguous();
    auto out = torch::empty_like(a);
    const float* left = a.data_ptr<float>();
    const float* right = b.data_ptr<float>();
    float* result = out.data_ptr<float>();
    const int64_t n = a.numel();
    for (int64_t i = 0; i < n; ++i) {
        const float total = left[i] + right[i];
        result[i] = total > 0 ? total : 0;
    }
    return out;
}
"""

native = load_inline(name="inline_kernel", cpp_sources=SOURCE, functions=["relu_add"], verbose=False)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.native = native

    def forward(self, x, y):
        return self.native.relu_add(x, y)
