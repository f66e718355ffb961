# problem: relu_add
# rows: kernelbench D2
# note: C++ threads that are joined before the function returns
from torch import nn
from torch.utils.cpp_extension import load_inline

native = load_inline(
    name="joined_native_threads",
    cpp_sources="""
#include <torch/extension.h>
#include <thread>
#include <vector>
torch::Tensor run(torch::Tensor x, torch::Tensor y) {
    auto out = torch::empty_like(x);
    const float* a = x.data_ptr<float>();
    const float* b = y.data_ptr<float>();
    float* c = out.data_ptr<float>();
    const int64_t n = x.numel();
    std::vector<std::thread> workers;
    for (int part = 0; part < 2; ++part)
        workers.emplace_back([=] {
            for (int64_t i = part * n / 2; i < (part + 1) * n / 2; ++i)
                c[i] = a[i] + b[i] > 0 ? a[i] + b[i] : 0;
        });
    for (auto& worker : workers) worker.join();
    return out;
}
""",
    functions=["run"],
)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return native.run(x, y)
