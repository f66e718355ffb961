# problem: relu_add
# rows: isolation 9
# verdict: crashed
# reason: signal:6
# note: a C++ exception that leaves its thread terminates the process
from torch import nn
from torch.utils.cpp_extension import load_inline

native = load_inline(
    "exception_in_a_thread",
    cpp_sources="""
#include <torch/extension.h>
#include <stdexcept>
#include <thread>
torch::Tensor run(torch::Tensor x, torch::Tensor y) {
    std::thread worker([] { throw std::runtime_error("nobody catches this"); });
    worker.join();
    return x;
}
""",
    functions=["run"],
)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return native.run(x, y)
