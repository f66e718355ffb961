# problem: row_softmax
# rows: kernelbench D2
# note: OpenMP, optimisation flags, functions as a dict with their docstrings, sources as a list
from torch import nn
from torch.utils.cpp_extension import load_inline

DECLARATION = "torch::Tensor row_softmax(torch::Tensor x);"

SOURCE = """
#include <torch/extension.h>
#include <cmath>

torch::Tensor row_softmax(torch::Tensor x) {
    auto in = x.contiguous();
    auto out = torch::empty_like(in);
    const int64_t rows = in.size(0), columns = in.size(1);
    const float* source = in.data_ptr<float>();
    float* target = out.data_ptr<float>();
    #pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; ++row) {
        const float* from = source + row * columns;
        float* to = target + row * columns;
        float largest = from[0];
        for (int64_t i = 1; i < columns; ++i) largest = std::max(largest, from[i]);
        float total = 0;
        for (int64_t i = 0; i < columns; ++i) { to[i] = std::exp(from[i] - largest); total += to[i]; }
        for (int64_t i = 0; i < columns; ++i) to[i] /= total;
    }
    return out;
}
"""

native = load_inline(
    name="openmp_kernel",
    cpp_sources=[DECLARATION, SOURCE],
    functions={"row_softmax": "Softmax of each row."},
    extra_cflags=["-O3", "-fopenmp", "-ffast-math"],
    extra_ldflags=["-fopenmp"],
)


class ModelNew(nn.Module):
    def forward(self, x):
        return native.row_softmax(x)
