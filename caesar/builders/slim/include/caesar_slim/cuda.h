// Streams, guards, checks and properties, for sources with CUDA in them.
#pragma once
#include <caesar_slim/tensor.h>
#include <cuda_runtime.h>

namespace caesar_slim {

extern "C" {
cudaStream_t csl_cuda_stream(DeviceIndex device, bool from_pool, bool high_priority, DeviceIndex* found);
void csl_cuda_set_stream(cudaStream_t stream, DeviceIndex device);
DeviceIndex csl_cuda_device();
void csl_cuda_set_device(DeviceIndex device);
DeviceIndex csl_cuda_count();
void csl_cuda_check(int error, const char* file, const char* function, unsigned line);
const void* csl_cuda_properties(DeviceIndex device);
void* csl_cuda_blas();
void csl_cuda_synchronize_stream(cudaStream_t stream);
}

class CUDAStream {
 public:
  CUDAStream(cudaStream_t stream, DeviceIndex device) : stream_(stream), device_(device) {}
  operator cudaStream_t() const { return stream_; }
  cudaStream_t stream() const { return stream_; }
  DeviceIndex device_index() const { return device_; }
  Device device() const { return Device(kCUDA, device_); }
  void synchronize() const { csl_cuda_synchronize_stream(stream_); }
  bool operator==(const CUDAStream& o) const { return stream_ == o.stream_ && device_ == o.device_; }
  bool operator!=(const CUDAStream& o) const { return !(*this == o); }

 private:
  cudaStream_t stream_;
  DeviceIndex device_;
};

inline CUDAStream stream_of(DeviceIndex device, bool pool, bool high) {
  DeviceIndex found = 0;
  const auto stream = csl_cuda_stream(device, pool, high, &found);
  return {stream, found};
}
inline CUDAStream getCurrentCUDAStream(DeviceIndex device = -1) { return stream_of(device, false, false); }
inline CUDAStream getStreamFromPool(bool high = false, DeviceIndex device = -1) { return stream_of(device, true, high); }
inline void setCurrentCUDAStream(CUDAStream s) { csl_cuda_set_stream(s.stream(), s.device_index()); }

class CUDAGuard {
 public:
  explicit CUDAGuard(DeviceIndex device) : was_(csl_cuda_device()) { csl_cuda_set_device(device); }
  explicit CUDAGuard(Device device) : was_(csl_cuda_device()) {
    TORCH_CHECK(device.is_cuda(), "Expected a CUDA device, but got ", device);
    if (device.has_index()) csl_cuda_set_device(device.index());
  }
  ~CUDAGuard() { csl_cuda_set_device(was_); }
  CUDAGuard(const CUDAGuard&) = delete;
  void set_device(Device device) { csl_cuda_set_device(device.index()); }

 private:
  DeviceIndex was_;
};

class OptionalCUDAGuard {
 public:
  OptionalCUDAGuard() = default;
  explicit OptionalCUDAGuard(std::optional<Device> device) { if (device) guard_.emplace(*device); }
  explicit OptionalCUDAGuard(Device device) { guard_.emplace(device); }
  explicit OptionalCUDAGuard(DeviceIndex device) { guard_.emplace(device); }

 private:
  std::optional<CUDAGuard> guard_;
};
inline std::optional<Device> device_of(const Tensor& t) { return t.defined() ? std::optional<Device>(t.device()) : std::nullopt; }

class CUDAStreamGuard {
 public:
  explicit CUDAStreamGuard(CUDAStream s) : was_(getCurrentCUDAStream(s.device_index())), guard_(s.device_index()) { setCurrentCUDAStream(s); }
  ~CUDAStreamGuard() { setCurrentCUDAStream(was_); }
  CUDAStreamGuard(const CUDAStreamGuard&) = delete;

 private:
  CUDAStream was_;
  CUDAGuard guard_;
};

}  // namespace caesar_slim

#define C10_CUDA_CHECK(expr)                                                                             \
  do {                                                                                                   \
    const cudaError_t csl_error = expr;                                                                  \
    ::caesar_slim::csl_cuda_check(static_cast<int>(csl_error), __FILE__, __func__, static_cast<unsigned>(__LINE__)); \
  } while (0)
#define AT_CUDA_CHECK(expr) C10_CUDA_CHECK(expr)
#define C10_CUDA_KERNEL_LAUNCH_CHECK() C10_CUDA_CHECK(cudaGetLastError())
#define TORCH_CUDA_CHECK(expr) C10_CUDA_CHECK(expr)

namespace c10 {
namespace cuda {
using caesar_slim::CUDAGuard;
using caesar_slim::CUDAStream;
using caesar_slim::CUDAStreamGuard;
using caesar_slim::OptionalCUDAGuard;
using caesar_slim::getCurrentCUDAStream;
using caesar_slim::getStreamFromPool;
using caesar_slim::setCurrentCUDAStream;
inline caesar_slim::DeviceIndex current_device() { return caesar_slim::csl_cuda_device(); }
inline caesar_slim::DeviceIndex device_count() { return caesar_slim::csl_cuda_count(); }
inline void set_device(caesar_slim::DeviceIndex device) { caesar_slim::csl_cuda_set_device(device); }
}  // namespace cuda
using caesar_slim::device_of;
}  // namespace c10
namespace at {
using caesar_slim::device_of;
namespace cuda {
using namespace c10::cuda;
inline const cudaDeviceProp* getDeviceProperties(caesar_slim::DeviceIndex device) {
  return static_cast<const cudaDeviceProp*>(caesar_slim::csl_cuda_properties(device));
}
inline const cudaDeviceProp* getCurrentDeviceProperties() { return getDeviceProperties(-1); }
inline int warp_size() { return getCurrentDeviceProperties()->warpSize; }
}  // namespace cuda
}  // namespace at
namespace torch {
using at::device_of;
}

#ifdef CSL_WANTS_CUBLAS
#include <cublas_v2.h>
namespace at {
namespace cuda {
inline cublasHandle_t getCurrentCUDABlasHandle() { return static_cast<cublasHandle_t>(caesar_slim::csl_cuda_blas()); }
}  // namespace cuda
}  // namespace at
#define TORCH_CUDABLAS_CHECK(expr)                                                       \
  do {                                                                                   \
    const cublasStatus_t csl_status = expr;                                              \
    TORCH_CHECK(csl_status == CUBLAS_STATUS_SUCCESS, "CUDA error: ", static_cast<int>(csl_status), " when calling `" #expr "`"); \
  } while (0)
#endif
