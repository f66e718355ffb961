# problem: relu_add
# rows: isolation 5
# build: failed(compiler_error)
# note: CUDA that nvcc does not take
from torch import nn
from torch.utils.cpp_extension import load_inline

native = load_inline(
    "nvcc_error",
    cpp_sources="torch::Tensor run(torch::Tensor x);",
    cuda_sources="""
__global__ void kernel(float* x) { x[threadIdx.x] = undeclared; }
torch::Tensor run(torch::Tensor x) { kernel<<<1, 32>>>(x.data_ptr<float>()); return x; }
""",
    functions=["run"],
)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return native.run(x + y)
