// What the slim headers declare of CUDA: PyTorch's own where it has CUDA, else a library that says that it has none.
#include <c10/util/Exception.h>
#include <cuda_runtime.h>

#if __has_include(<c10/cuda/impl/cuda_cmake_macros.h>) && __has_include(<cublas_v2.h>)
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

extern "C" {
cudaStream_t csl_cuda_stream(std::int8_t device, bool from_pool, bool high_priority, std::int8_t* found) {
  const auto stream = from_pool ? c10::cuda::getStreamFromPool(high_priority, device) : c10::cuda::getCurrentCUDAStream(device);
  *found = stream.device_index();
  return stream.stream();
}
void csl_cuda_set_stream(cudaStream_t stream, std::int8_t device) {
  const auto standard = c10::cuda::getDefaultCUDAStream(device);
  // a pool's stream comes back as an external one: it is the same stream to whoever launches on it
  c10::cuda::setCurrentCUDAStream(stream == standard.stream() ? standard : c10::cuda::getStreamFromExternal(stream, device));
}
std::int8_t csl_cuda_device() { return c10::cuda::current_device(); }
void csl_cuda_set_device(std::int8_t device) { c10::cuda::set_device(device); }
std::int8_t csl_cuda_count() { return c10::cuda::device_count(); }
void csl_cuda_check(int error, const char* file, const char* function, unsigned line) {
  c10::cuda::c10_cuda_check_implementation(error, file, function, line, true);
}
const void* csl_cuda_properties(std::int8_t device) {
  return device < 0 ? at::cuda::getCurrentDeviceProperties() : at::cuda::getDeviceProperties(device);
}
void* csl_cuda_blas() { return at::cuda::getCurrentCUDABlasHandle(); }
void csl_cuda_synchronize_stream(cudaStream_t stream) { C10_CUDA_CHECK(cudaStreamSynchronize(stream)); }
}
#else
namespace {
[[noreturn]] void none() { TORCH_CHECK(false, "this PyTorch was built without CUDA"); }
}
extern "C" {
cudaStream_t csl_cuda_stream(std::int8_t, bool, bool, std::int8_t*) { none(); }
void csl_cuda_set_stream(cudaStream_t, std::int8_t) { none(); }
std::int8_t csl_cuda_device() { none(); }
void csl_cuda_set_device(std::int8_t) { none(); }
std::int8_t csl_cuda_count() { return 0; }
void csl_cuda_check(int error, const char*, const char*, unsigned) { if (error) none(); }
const void* csl_cuda_properties(std::int8_t) { none(); }
void* csl_cuda_blas() { none(); }
void csl_cuda_synchronize_stream(cudaStream_t) { none(); }
}
#endif
