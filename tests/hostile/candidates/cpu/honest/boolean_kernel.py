# problem: masked_mean
# rows: isolation 1
# note: reads a boolean input in C++
from torch import nn
from torch.utils.cpp_extension import load_inline

native = load_inline(
    name="boolean_kernel",
    cpp_sources="""
#include <torch/extension.h>
#include <algorithm>
torch::Tensor masked_mean(torch::Tensor x, torch::Tensor mask) {
    auto out = torch::zeros({x.size(0)}, x.options());
    const float* values = x.data_ptr<float>();
    const bool* kept = mask.data_ptr<bool>();
    const int64_t columns = x.size(1);
    for (int64_t row = 0; row < x.size(0); ++row) {
        double total = 0;
        int64_t count = 0;
        for (int64_t i = row * columns; i < (row + 1) * columns; ++i)
            if (kept[i]) { total += values[i]; ++count; }
        out.data_ptr<float>()[row] = total / std::max<int64_t>(count, 1);
    }
    return out;
}
""",
    functions=["masked_mean"],
)


class ModelNew(nn.Module):
    def forward(self, x, mask):
        return native.masked_mean(x.contiguous(), mask.contiguous())
