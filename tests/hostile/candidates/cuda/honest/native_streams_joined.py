# problem: relu_add
# rows: isolation 33, kernelbench D1
# note: non-blocking streams in C++, joined to the default one by events in both directions
from torch import nn
from torch.utils.cpp_extension import load_inline

KERNEL = """
__global__ void relu_add(const float* x, const float* y, float* out, long n) {
    long i = blockIdx.x * (long)blockDim.x + threadIdx.x;
    if (i < n) out[i] = fmaxf(x[i] + y[i], 0.0f);
}
struct Lane {
    cudaStream_t stream;
    cudaEvent_t begun, ended;
    Lane() {
        cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
        cudaEventCreateWithFlags(&begun, cudaEventDisableTiming);
        cudaEventCreateWithFlags(&ended, cudaEventDisableTiming);
    }
};
void launch(const float* x, const float* y, float* out, long n) {
    static Lane lanes[2];
    const long half = n / 2;
    for (int i = 0; i < 2; ++i) {
        const long start = i * half, count = i ? n - half : half;
        cudaEventRecord(lanes[i].begun, 0);
        cudaStreamWaitEvent(lanes[i].stream, lanes[i].begun, 0);
        relu_add<<<(count + 255) / 256, 256, 0, lanes[i].stream>>>(x + start, y + start, out + start, count);
        cudaEventRecord(lanes[i].ended, lanes[i].stream);
        cudaStreamWaitEvent(0, lanes[i].ended, 0);
    }
}
"""

BINDING = """
void launch(const float* x, const float* y, float* out, long n);
torch::Tensor run(torch::Tensor x, torch::Tensor y) {
    auto out = torch::empty_like(x);
    launch(x.data_ptr<float>(), y.data_ptr<float>(), out.data_ptr<float>(), x.numel());
    return out;
}
"""

native = load_inline("native_streams_joined", cpp_sources=BINDING, cuda_sources=KERNEL, functions=["run"])


class ModelNew(nn.Module):
    def forward(self, x, y):
        return native.run(x, y)
