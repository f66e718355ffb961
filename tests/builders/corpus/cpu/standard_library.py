import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

kernel_code = r"""
#include <unordered_map>
#include <mutex>
#include <memory>
#include <numeric>
#include <algorithm>
using namespace std;
torch::Tensor rank_rows(torch::Tensor x) {
    static mutex guard;
    static unordered_map<int64_t, unique_ptr<vector<int64_t>>> cache;
    lock_guard<mutex> hold(guard);
    const int64_t n = x.size(1);
    auto& order = cache[n];
    if (!order) { order = make_unique<vector<int64_t>>(n); iota(order->begin(), order->end(), 0); }
    auto out = torch::empty({x.size(0), n}, torch::dtype(torch::kInt64));
    for (int64_t r = 0; r < x.size(0); ++r) {
        vector<int64_t> idx(*order);
        const float* row = x.data_ptr<float>() + r * n;
        stable_sort(idx.begin(), idx.end(), [row](int64_t a, int64_t b) { return row[a] < row[b]; });
        copy(idx.begin(), idx.end(), out.data_ptr<int64_t>() + r * n);
    }
    return out;
}
"""

standard_library_ext = load_inline(
    name="standard_library",
    cpp_sources=[kernel_code],
    functions=["rank_rows"],
    verbose=False,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return standard_library_ext.rank_rows(inputs[0])


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(4, 15)]


def expected(model, *inputs):
    return inputs[0].argsort(dim=1, stable=True)
