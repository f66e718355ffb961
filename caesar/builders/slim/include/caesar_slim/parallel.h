// at::parallel_for over PyTorch's own threads.
#pragma once
#include <caesar_slim/tensor.h>

namespace caesar_slim {
void parallel(std::int64_t begin, std::int64_t end, std::int64_t grain, void* work,
    void (*call)(void*, std::int64_t, std::int64_t));
int threads();
int thread_number();
bool in_parallel();
}  // namespace caesar_slim

namespace at {
template <class F>
void parallel_for(std::int64_t begin, std::int64_t end, std::int64_t grain, const F& f) {
  caesar_slim::parallel(begin, end, grain, const_cast<F*>(&f),
      [](void* work, std::int64_t from, std::int64_t to) { (*static_cast<const F*>(work))(from, to); });
}
inline int get_num_threads() { return caesar_slim::threads(); }
inline int get_thread_num() { return caesar_slim::thread_number(); }
inline bool in_parallel_region() { return caesar_slim::in_parallel(); }
inline std::int64_t divup(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
namespace internal {
constexpr std::int64_t GRAIN_SIZE = 32768;
}
}  // namespace at
namespace torch {
using at::get_num_threads;
}
