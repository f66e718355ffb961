# problem: relu_add
# rows: isolation 34, kernelbench D2
# verdict: incorrect
# reason: values|timed_output
# note: a detached C++ thread fills the output in 10 ms later, which no look at Python's threads tells
from torch import nn
from torch.utils.cpp_extension import load_inline

native = load_inline(
    "native_thread_finishes_later",
    cpp_sources="""
#include <torch/extension.h>
#include <chrono>
#include <thread>
torch::Tensor run(torch::Tensor x, torch::Tensor y) {
    auto out = torch::zeros_like(x);
    const float* a = x.data_ptr<float>();
    const float* b = y.data_ptr<float>();
    float* c = out.data_ptr<float>();
    int64_t n = x.numel();
    std::thread([=, keep = out] {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        for (int64_t i = 0; i < n; ++i) c[i] = a[i] + b[i] > 0 ? a[i] + b[i] : 0;
    }).detach();
    return out;
}
""",
    functions=["run"],
)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return native.run(x, y)
