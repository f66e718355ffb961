# problem: relu_add
# rows: isolation 5
# build: failed(compiler_error)
# note: C++ that no compiler takes
from torch import nn
from torch.utils.cpp_extension import load_inline

native = load_inline(
    "cpp_error",
    cpp_sources="torch::Tensor run(torch::Tensor x) { return x +; }",
    functions=["run"],
)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return native.run(x + y)
