# problem: relu_add
# rows: isolation 1
# note: calls load_inline in the constructor, not while the module is imported
from torch import nn
from torch.utils.cpp_extension import load_inline

SOURCE = """
#include <torch/extension.h>
torch::Tensor run(torch::Tensor x, torch::Tensor y) {
    auto out = torch::empty_like(x);
    for (int64_t i = 0; i < x.numel(); ++i) {
        const float total = x.data_ptr<float>()[i] + y.data_ptr<float>()[i];
        out.data_ptr<float>()[i] = total > 0 ? total : 0;
    }
    return out;
}
"""


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.native = load_inline(name="compiled_at_construction", cpp_sources=SOURCE, functions=["run"])

    def forward(self, x, y):
        return self.native.run(x, y)
