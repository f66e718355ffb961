// A tensor as kernels use it: one word, the same as PyTorch's own; what it can do is in the support library,
// which is compiled once against the real headers.
#pragma once

#include <caesar_slim/core.h>

namespace caesar_slim {

class Tensor;

// Results are made in place: each function that returns a tensor is given where to.
extern "C" {
void csl_undefined(void* out);
void csl_copy(void* out, const void* from);
void csl_move(void* out, void* from);
void csl_assign(void* to, const void* from);
void csl_assign_moved(void* to, void* from);
void csl_free(void* tensor);
bool csl_defined(const void*);
bool csl_same(const void*, const void*);
std::int64_t csl_dim(const void*);
std::int64_t csl_numel(const void*);
const std::int64_t* csl_sizes(const void*);
const std::int64_t* csl_strides(const void*);
std::int64_t csl_size(const void*, std::int64_t);
std::int64_t csl_stride(const void*, std::int64_t);
std::int64_t csl_storage_offset(const void*);
bool csl_contiguous_as(const void*, int format);
int csl_dtype(const void*);
OptionsData csl_options(const void*);
bool csl_requires_grad(const void*);
void* csl_data(const void*, int dtype, bool constant);
Scalar* csl_item(const void*, Scalar* out);
void csl_contiguous(void* out, const void*, int format);
void csl_to(void* out, const void*, const OptionsData*, bool non_blocking, bool copy, int format);
void csl_clone(void* out, const void*, int format);
void csl_view(void* out, const void*, const std::int64_t*, std::size_t);
void csl_reshape(void* out, const void*, const std::int64_t*, std::size_t);
void csl_expand(void* out, const void*, const std::int64_t*, std::size_t);
void csl_permute(void* out, const void*, const std::int64_t*, std::size_t);
void csl_repeat(void* out, const void*, const std::int64_t*, std::size_t);
void csl_resize_(const void*, const std::int64_t*, std::size_t);
void csl_flatten(void* out, const void*, std::int64_t, std::int64_t);
void csl_transpose(void* out, const void*, std::int64_t, std::int64_t);
void csl_squeeze(void* out, const void*);
void csl_squeeze_dim(void* out, const void*, std::int64_t);
void csl_unsqueeze(void* out, const void*, std::int64_t);
void csl_select(void* out, const void*, std::int64_t, std::int64_t);
void csl_narrow(void* out, const void*, std::int64_t, std::int64_t, std::int64_t);
void csl_slice(void* out, const void*, std::int64_t, const std::int64_t* from, const std::int64_t* to, std::int64_t step);
void csl_index_select(void* out, const void*, std::int64_t, const void*);
void csl_gather(void* out, const void*, std::int64_t, const void*);
void csl_fill_(const void*, const Scalar*);
void csl_copy_(const void*, const void*, bool non_blocking);
void csl_set_requires_grad(const void*, bool);
void csl_add(void* out, const void*, const void*, const Scalar* alpha);
void csl_add_scalar(void* out, const void*, const Scalar*, const Scalar* alpha);
void csl_sub(void* out, const void*, const void*, const Scalar* alpha);
void csl_sub_scalar(void* out, const void*, const Scalar*, const Scalar* alpha);
void csl_rsub(void* out, const void*, const Scalar*);
void csl_add_(const void*, const void*, const Scalar* alpha);
void csl_add_scalar_(const void*, const Scalar*);
void csl_sub_(const void*, const void*, const Scalar* alpha);
void csl_sub_scalar_(const void*, const Scalar*);
void csl_clamp(void* out, const void*, const Scalar* low, const Scalar* high);
void csl_clamp_(const void*, const Scalar* low, const Scalar* high);
void csl_sum(void* out, const void*, const std::int64_t*, std::size_t, bool keep, int dtype);
void csl_sum_all(void* out, const void*, int dtype);
void csl_mean(void* out, const void*, const std::int64_t*, std::size_t, bool keep, int dtype);
void csl_mean_all(void* out, const void*, int dtype);
void csl_prod(void* out, const void*, std::int64_t dim, bool keep);
void csl_prod_all(void* out, const void*);
void csl_norm(void* out, const void*, const Scalar*);
void csl_var(void* out, const void*, const std::int64_t*, std::size_t, bool unbiased, bool keep);
void csl_var_all(void* out, const void*, bool unbiased);
void csl_std(void* out, const void*, const std::int64_t*, std::size_t, bool unbiased, bool keep);
void csl_argmax(void* out, const void*, bool whole, std::int64_t dim, bool keep);
void csl_argmin(void* out, const void*, bool whole, std::int64_t dim, bool keep);
void csl_softmax(void* out, const void*, std::int64_t dim, int dtype);
void csl_log_softmax(void* out, const void*, std::int64_t dim, int dtype);
void csl_cumsum(void* out, const void*, std::int64_t dim);
void csl_cumprod(void* out, const void*, std::int64_t dim);
void csl_where(void* out, const void*, const void*, const void*);
void csl_masked_fill(void* out, const void*, const void*, const Scalar*);
void csl_masked_fill_(const void*, const void*, const Scalar*);
void csl_gelu(void* out, const void*, const char* approximate, std::size_t);
void csl_leaky_relu(void* out, const void*, const Scalar*);
void csl_elu(void* out, const void*, const Scalar*);
void csl_softplus(void* out, const void*, const Scalar*, const Scalar*);
void csl_hardtanh(void* out, const void*, const Scalar*, const Scalar*);
void csl_tril(void* out, const void*, std::int64_t);
void csl_triu(void* out, const void*, std::int64_t);
void csl_diag(void* out, const void*, std::int64_t);
void csl_full(void* out, const std::int64_t*, std::size_t, const Scalar*, const OptionsData*);
void csl_full_like(void* out, const void*, const Scalar*, const OptionsData*);
void csl_arange(void* out, const Scalar* from, const Scalar* to, const Scalar* step, const OptionsData*);
void csl_eye(void* out, std::int64_t, const OptionsData*);
void csl_scalar_tensor(void* out, const Scalar*, const OptionsData*);
void csl_tensor_of(void* out, const void* data, std::int64_t count, int dtype, const OptionsData*);
void csl_from_blob(void* out, void* data, const std::int64_t*, std::size_t, const OptionsData*);
void csl_cat(void* out, const void* const*, std::size_t, std::int64_t dim);
void csl_stack(void* out, const void* const*, std::size_t, std::int64_t dim);
void csl_linear(void* out, const void*, const void*, const void* bias);
void csl_addmm(void* out, const void*, const void*, const void*, const Scalar*, const Scalar*);
void csl_baddbmm(void* out, const void*, const void*, const void*, const Scalar*, const Scalar*);
void csl_layer_norm(void* out, const void*, const std::int64_t*, std::size_t, const void* weight, const void* bias, double eps);
void csl_split(const void*, std::int64_t size, std::int64_t dim, void* into, void (*add)(void*, const void*));
void csl_chunk(const void*, std::int64_t count, std::int64_t dim, void* into, void (*add)(void*, const void*));
void csl_unbind(const void*, std::int64_t dim, void* into, void (*add)(void*, const void*));
char* csl_text(const void*);
bool csl_no_grad(bool off, bool was);
bool csl_equal(const void*, const void*);
bool csl_allclose(const void*, const void*, double, double);
#define CSL_UNARY(n) void csl_u_##n(void* out, const void*);
#define CSL_UNARY_FREE(n) void csl_u_##n(void* out, const void*);
#define CSL_UNARY_INPLACE(n) void csl_i_##n(const void*);
#define CSL_BINARY(n) void csl_b_##n(void* out, const void*, const void*);
#define CSL_BINARY_SCALAR(n) void csl_s_##n(void* out, const void*, const Scalar*);
#define CSL_BINARY_INPLACE(n) \
  void csl_bi_##n(const void*, const void*); \
  void csl_si_##n(const void*, const Scalar*);
#define CSL_REDUCE_ALL(n) void csl_ra_##n(void* out, const void*);
#define CSL_REDUCE_DIMS(n) void csl_rd_##n(void* out, const void*, const std::int64_t*, std::size_t, bool keep);
#define CSL_ALONG(n) void csl_al_##n(void* first, void* second, const void*, std::int64_t dim, bool flag);
#define CSL_LIKE(n) void csl_l_##n(void* out, const void*, const OptionsData*);
#define CSL_NEW(n) void csl_n_##n(void* out, const std::int64_t*, std::size_t, const OptionsData*);
#define CSL_CONV(n) \
  void csl_c_##n(void* out, const void*, const void*, const void* bias, const std::int64_t*, std::size_t, \
      const std::int64_t*, std::size_t, const std::int64_t*, std::size_t, std::int64_t groups);
#include <caesar_slim/ops.h>
}

template <class T> struct DefaultPtrTraits { using type = T*; };
template <class T> struct RestrictPtrTraits { using type = T* __restrict__; };

// Indexing by dimensions, usable in kernels where it is packed (its sizes are its own copies).
template <class T, std::size_t N, template <class> class P, class I>
class Accessor {
 public:
  using PtrType = typename P<T>::type;
  CSL_HOST_DEVICE Accessor(PtrType data, const I* sizes, const I* strides) : data_(data), sizes_(sizes), strides_(strides) {}
  CSL_HOST_DEVICE decltype(auto) operator[](I i) const {
    if constexpr (N == 1) return static_cast<T&>(data_[strides_[0] * i]);
    else return Accessor<T, N - 1, P, I>(data_ + strides_[0] * i, sizes_ + 1, strides_ + 1);
  }
  CSL_HOST_DEVICE I size(I i) const { return sizes_[i]; }
  CSL_HOST_DEVICE I stride(I i) const { return strides_[i]; }
  CSL_HOST_DEVICE PtrType data() const { return data_; }

 private:
  PtrType data_;
  const I* sizes_;
  const I* strides_;
};
template <class T, std::size_t N, template <class> class P = DefaultPtrTraits, class I = std::int64_t>
using TensorAccessor = Accessor<T, N, P, I>;

template <class T, std::size_t N, template <class> class P = DefaultPtrTraits, class I = std::int64_t>
class PackedAccessor {
 public:
  using PtrType = typename P<T>::type;
  CSL_HOST_DEVICE PackedAccessor(PtrType data, const std::int64_t* sizes, const std::int64_t* strides) : data_(data) {
    for (std::size_t i = 0; i < N; ++i) {
      sizes_[i] = static_cast<I>(sizes[i]);
      strides_[i] = static_cast<I>(strides[i]);
    }
  }
  CSL_HOST_DEVICE decltype(auto) operator[](I i) const {
    if constexpr (N == 1) return static_cast<T&>(data_[strides_[0] * i]);
    else return Accessor<T, N - 1, P, I>(data_ + strides_[0] * i, sizes_ + 1, strides_ + 1);
  }
  CSL_HOST_DEVICE I size(I i) const { return sizes_[i]; }
  CSL_HOST_DEVICE I stride(I i) const { return strides_[i]; }
  CSL_HOST_DEVICE PtrType data() const { return data_; }

 private:
  PtrType data_;
  I sizes_[N];
  I strides_[N];
};
template <class T, std::size_t N, template <class> class P = DefaultPtrTraits>
using PackedTensorAccessor32 = PackedAccessor<T, N, P, std::int32_t>;
template <class T, std::size_t N, template <class> class P = DefaultPtrTraits>
using PackedTensorAccessor64 = PackedAccessor<T, N, P, std::int64_t>;

using OptionalArrayRef = std::optional<IntArrayRef>;
using MaybeType = std::optional<ScalarType>;
inline int code(MaybeType type) { return type ? static_cast<int>(*type) : -1; }

class Tensor {
 public:
  Tensor() { csl_undefined(this); }
  Tensor(const Tensor& o) { csl_copy(this, &o); }
  Tensor(Tensor&& o) noexcept { csl_move(this, &o); }
  Tensor& operator=(const Tensor& o) & { csl_assign(this, &o); return *this; }
  Tensor& operator=(Tensor&& o) & noexcept { csl_assign_moved(this, &o); return *this; }
  Tensor& operator=(const Tensor& o) && { csl_copy_(this, &o, false); return *this; }
  Tensor& operator=(const Scalar& v) && { csl_fill_(this, &v); return *this; }
  ~Tensor() { csl_free(this); }
  template <class F, class... A>
  static Tensor made(F function, const A&... arguments) {
    Tensor result((Unmade()));
    function(&result.word_, arguments...);
    return result;
  }

  bool defined() const { return csl_defined(this); }
  bool is_same(const Tensor& o) const { return csl_same(this, &o); }
  std::int64_t dim() const { return csl_dim(this); }
  std::int64_t ndimension() const { return dim(); }
  std::int64_t numel() const { return csl_numel(this); }
  IntArrayRef sizes() const { return {csl_sizes(this), static_cast<std::size_t>(dim())}; }
  IntArrayRef strides() const { return {csl_strides(this), static_cast<std::size_t>(dim())}; }
  std::int64_t size(std::int64_t d) const { return csl_size(this, d); }
  std::int64_t stride(std::int64_t d) const { return csl_stride(this, d); }
  std::int64_t storage_offset() const { return csl_storage_offset(this); }
  bool is_contiguous(MemoryFormat f = MemoryFormat::Contiguous) const { return csl_contiguous_as(this, static_cast<int>(f)); }
  ScalarType scalar_type() const { return static_cast<ScalarType>(csl_dtype(this)); }
  TypeMeta dtype() const { return scalar_type(); }
  std::size_t element_size() const { return elementSize(scalar_type()); }
  std::size_t itemsize() const { return element_size(); }
  std::size_t nbytes() const { return numel() * element_size(); }
  TensorOptions options() const { return TensorOptions(csl_options(this)); }
  Device device() const { return options().device(); }
  DeviceIndex get_device() const { return device().index(); }
  bool is_cuda() const { return device().is_cuda(); }
  bool is_cpu() const { return device().is_cpu(); }
  bool is_floating_point() const { return isFloatingType(scalar_type()); }
  bool requires_grad() const { return csl_requires_grad(this); }
  const Tensor& set_requires_grad(bool yes) const { csl_set_requires_grad(this, yes); return *this; }
  const Tensor& requires_grad_(bool yes = true) const { return set_requires_grad(yes); }

  void* data_ptr() const { return csl_data(this, -1, false); }
  const void* const_data_ptr() const { return csl_data(this, -1, true); }
  void* mutable_data_ptr() const { return data_ptr(); }
  template <class T>
  T* data_ptr() const {
    using Plain = std::remove_const_t<T>;
    return static_cast<T*>(csl_data(this, static_cast<int>(TypeOf<Plain>::value), std::is_const_v<T>));
  }
  template <class T>
  const T* const_data_ptr() const { return data_ptr<const std::remove_const_t<T>>(); }
  template <class T>
  T* mutable_data_ptr() const { return data_ptr<T>(); }
  template <class T>
  T* data() const { return data_ptr<T>(); }
  Scalar item() const { Scalar out; csl_item(this, &out); return out; }
  template <class T>
  T item() const { return item().template to<T>(); }

  template <class T, std::size_t N>
  TensorAccessor<T, N> accessor() const& {
    require_dims(N);
    return {data_ptr<T>(), csl_sizes(this), csl_strides(this)};
  }
  template <class T, std::size_t N, template <class> class P = DefaultPtrTraits>
  PackedTensorAccessor32<T, N, P> packed_accessor32() const {
    require_dims(N);
    return {data_ptr<T>(), csl_sizes(this), csl_strides(this)};
  }
  template <class T, std::size_t N, template <class> class P = DefaultPtrTraits>
  PackedTensorAccessor64<T, N, P> packed_accessor64() const {
    require_dims(N);
    return {data_ptr<T>(), csl_sizes(this), csl_strides(this)};
  }

  Tensor contiguous(MemoryFormat f = MemoryFormat::Contiguous) const { return made(csl_contiguous, ptr(), static_cast<int>(f)); }
  Tensor clone(std::optional<MemoryFormat> f = {}) const { return made(csl_clone, ptr(), f ? static_cast<int>(*f) : -1); }
  Tensor to(const TensorOptions& o, bool non_blocking = false, bool copy = false) const { return moved(o, non_blocking, copy); }
  Tensor to(ScalarType t, bool non_blocking = false, bool copy = false) const { return moved(TensorOptions(t), non_blocking, copy); }
  Tensor to(TypeMeta t, bool non_blocking = false, bool copy = false) const { return moved(TensorOptions(t), non_blocking, copy); }
  Tensor to(Device where, bool non_blocking = false, bool copy = false) const { return moved(TensorOptions(where), non_blocking, copy); }
  Tensor to(DeviceType where, bool non_blocking = false, bool copy = false) const { return moved(TensorOptions(where), non_blocking, copy); }
  Tensor to(Device where, ScalarType t, bool non_blocking = false, bool copy = false) const {
    return moved(TensorOptions(where).dtype(t), non_blocking, copy);
  }
  Tensor to(const Tensor& o) const { return moved(o.options(), false, false); }
  Tensor cuda() const { return to(kCUDA); }
  Tensor cpu() const { return to(kCPU); }
  Tensor toType(ScalarType t) const { return to(t); }
  Tensor type_as(const Tensor& o) const { return moved(o.options(), false, false); }
  Tensor view(IntArrayRef s) const { return made(csl_view, ptr(), s.data(), s.size()); }
  Tensor reshape(IntArrayRef s) const { return made(csl_reshape, ptr(), s.data(), s.size()); }
  Tensor reshape_as(const Tensor& o) const { return reshape(o.sizes()); }
  Tensor expand(IntArrayRef s) const { return made(csl_expand, ptr(), s.data(), s.size()); }
  Tensor permute(IntArrayRef d) const { return made(csl_permute, ptr(), d.data(), d.size()); }
  Tensor repeat(IntArrayRef d) const { return made(csl_repeat, ptr(), d.data(), d.size()); }
  const Tensor& resize_(IntArrayRef s) const { csl_resize_(this, s.data(), s.size()); return *this; }
  Tensor flatten(std::int64_t a = 0, std::int64_t b = -1) const { return made(csl_flatten, ptr(), a, b); }
  Tensor transpose(std::int64_t a, std::int64_t b) const { return made(csl_transpose, ptr(), a, b); }
  Tensor squeeze() const { return made(csl_squeeze, ptr()); }
  Tensor squeeze(std::int64_t d) const { return made(csl_squeeze_dim, ptr(), d); }
  Tensor unsqueeze(std::int64_t d) const { return made(csl_unsqueeze, ptr(), d); }
  Tensor select(std::int64_t d, std::int64_t i) const { return made(csl_select, ptr(), d, i); }
  Tensor operator[](std::int64_t i) const { return select(0, i); }
  Tensor narrow(std::int64_t d, std::int64_t from, std::int64_t n) const { return made(csl_narrow, ptr(), d, from, n); }
  Tensor slice(std::int64_t d = 0, std::optional<std::int64_t> from = {}, std::optional<std::int64_t> to = {}, std::int64_t step = 1) const {
    return made(csl_slice, ptr(), d, from ? &*from : nullptr, to ? &*to : nullptr, step);
  }
  Tensor index_select(std::int64_t d, const Tensor& i) const { return made(csl_index_select, ptr(), d, i.ptr()); }
  Tensor gather(std::int64_t d, const Tensor& i) const { return made(csl_gather, ptr(), d, i.ptr()); }
  Tensor& fill_(const Scalar& v) const { csl_fill_(this, &v); return self(); }
  Tensor& copy_(const Tensor& o, bool non_blocking = false) const { csl_copy_(this, &o, non_blocking); return self(); }
  std::vector<Tensor> split(std::int64_t size, std::int64_t dim = 0) const { return several(csl_split, size, dim); }
  std::vector<Tensor> chunk(std::int64_t count, std::int64_t dim = 0) const { return several(csl_chunk, count, dim); }
  std::vector<Tensor> unbind(std::int64_t dim = 0) const { return several(csl_unbind, dim); }

  Tensor add(const Tensor& o, const Scalar& alpha = 1) const { return made(csl_add, ptr(), o.ptr(), &alpha); }
  Tensor add(const Scalar& o, const Scalar& alpha = 1) const { return made(csl_add_scalar, ptr(), &o, &alpha); }
  Tensor sub(const Tensor& o, const Scalar& alpha = 1) const { return made(csl_sub, ptr(), o.ptr(), &alpha); }
  Tensor sub(const Scalar& o, const Scalar& alpha = 1) const { return made(csl_sub_scalar, ptr(), &o, &alpha); }
  Tensor& add_(const Tensor& o, const Scalar& alpha = 1) const { csl_add_(this, &o, &alpha); return self(); }
  Tensor& add_(const Scalar& o) const { csl_add_scalar_(this, &o); return self(); }
  Tensor& sub_(const Tensor& o, const Scalar& alpha = 1) const { csl_sub_(this, &o, &alpha); return self(); }
  Tensor& sub_(const Scalar& o) const { csl_sub_scalar_(this, &o); return self(); }
  Tensor clamp(const std::optional<Scalar>& low, const std::optional<Scalar>& high = {}) const {
    return made(csl_clamp, ptr(), low ? &*low : nullptr, high ? &*high : nullptr);
  }
  Tensor clamp_min(const Scalar& low) const { return clamp(low); }
  Tensor clamp_max(const Scalar& high) const { return clamp(std::nullopt, high); }
  Tensor& clamp_(const std::optional<Scalar>& low, const std::optional<Scalar>& high = {}) const {
    csl_clamp_(this, low ? &*low : nullptr, high ? &*high : nullptr);
    return self();
  }
  Tensor& clamp_min_(const Scalar& low) const { return clamp_(low); }
  Tensor sum(MaybeType t = {}) const { return made(csl_sum_all, ptr(), code(t)); }
  Tensor sum(IntArrayRef d, bool keep = false, MaybeType t = {}) const { return made(csl_sum, ptr(), d.data(), d.size(), keep, code(t)); }
  Tensor mean(MaybeType t = {}) const { return made(csl_mean_all, ptr(), code(t)); }
  Tensor mean(IntArrayRef d, bool keep = false, MaybeType t = {}) const { return made(csl_mean, ptr(), d.data(), d.size(), keep, code(t)); }
  Tensor prod() const { return made(csl_prod_all, ptr()); }
  Tensor prod(std::int64_t d, bool keep = false) const { return made(csl_prod, ptr(), d, keep); }
  Tensor norm(const Scalar& p = 2) const { return made(csl_norm, ptr(), &p); }
  Tensor var(bool unbiased = true) const { return made(csl_var_all, ptr(), unbiased); }
  Tensor var(IntArrayRef d, bool unbiased = true, bool keep = false) const { return made(csl_var, ptr(), d.data(), d.size(), unbiased, keep); }
  Tensor std(IntArrayRef d, bool unbiased = true, bool keep = false) const { return made(csl_std, ptr(), d.data(), d.size(), unbiased, keep); }
  Tensor argmax(std::optional<std::int64_t> d = {}, bool keep = false) const { return made(csl_argmax, ptr(), !d, d.value_or(0), keep); }
  Tensor argmin(std::optional<std::int64_t> d = {}, bool keep = false) const { return made(csl_argmin, ptr(), !d, d.value_or(0), keep); }
  Tensor softmax(std::int64_t d, MaybeType t = {}) const { return made(csl_softmax, ptr(), d, code(t)); }
  Tensor log_softmax(std::int64_t d, MaybeType t = {}) const { return made(csl_log_softmax, ptr(), d, code(t)); }
  Tensor cumsum(std::int64_t d) const { return made(csl_cumsum, ptr(), d); }
  Tensor cumprod(std::int64_t d) const { return made(csl_cumprod, ptr(), d); }
  Tensor masked_fill(const Tensor& m, const Scalar& v) const { return made(csl_masked_fill, ptr(), m.ptr(), &v); }
  Tensor& masked_fill_(const Tensor& m, const Scalar& v) const { csl_masked_fill_(this, &m, &v); return self(); }
  Tensor tril(std::int64_t d = 0) const { return made(csl_tril, ptr(), d); }
  Tensor triu(std::int64_t d = 0) const { return made(csl_triu, ptr(), d); }
  Tensor diag(std::int64_t d = 0) const { return made(csl_diag, ptr(), d); }
  Tensor addmm(const Tensor& a, const Tensor& b, const Scalar& beta = 1, const Scalar& alpha = 1) const {
    return made(csl_addmm, ptr(), a.ptr(), b.ptr(), &beta, &alpha);
  }
  bool equal(const Tensor& o) const { return csl_equal(this, &o); }
  bool allclose(const Tensor& o, double rtol = 1e-05, double atol = 1e-08) const { return csl_allclose(this, &o, rtol, atol); }
  std::string toString() const { return str_of(); }
#define CSL_UNARY(n) Tensor n() const { return made(csl_u_##n, ptr()); }
#define CSL_UNARY_INPLACE(n) Tensor& n() const { csl_i_##n(this); return self(); }
#define CSL_BINARY(n) Tensor n(const Tensor& o) const { return made(csl_b_##n, ptr(), o.ptr()); }
#define CSL_BINARY_SCALAR(n) Tensor n(const Scalar& o) const { return made(csl_s_##n, ptr(), &o); }
#define CSL_BINARY_INPLACE(n) \
  Tensor& n(const Tensor& o) const { csl_bi_##n(this, &o); return self(); } \
  Tensor& n(const Scalar& o) const { csl_si_##n(this, &o); return self(); }
#define CSL_REDUCE_ALL(n) Tensor n() const { return made(csl_ra_##n, ptr()); }
#define CSL_REDUCE_DIMS(n) Tensor n(IntArrayRef d, bool keep = false) const { return made(csl_rd_##n, ptr(), d.data(), d.size(), keep); }
#define CSL_ALONG(n) std::tuple<Tensor, Tensor> n(std::int64_t d, bool flag = false) const { return both(csl_al_##n, d, flag); }
#include <caesar_slim/ops.h>

  Tensor operator-() const { return neg(); }
  Tensor& operator+=(const Tensor& o) { return add_(o); }
  Tensor& operator+=(const Scalar& o) { return add_(o); }
  Tensor& operator-=(const Tensor& o) { return sub_(o); }
  Tensor& operator-=(const Scalar& o) { return sub_(o); }
  Tensor& operator*=(const Tensor& o) { return mul_(o); }
  Tensor& operator*=(const Scalar& o) { return mul_(o); }
  Tensor& operator/=(const Tensor& o) { return div_(o); }
  Tensor& operator/=(const Scalar& o) { return div_(o); }

  std::string str_of() const {
    char* text = csl_text(this);
    std::string copy = text;
    std::free(text);
    return copy;
  }
  const void* ptr() const { return this; }
  static void add_to(void* list, const void* tensor) {
    static_cast<std::vector<Tensor>*>(list)->push_back(*static_cast<const Tensor*>(tensor));
  }

 private:
  struct Unmade {};
  explicit Tensor(Unmade) : word_(nullptr) {}
  Tensor& self() const { return const_cast<Tensor&>(*this); }
  Tensor moved(const TensorOptions& o, bool non_blocking, bool copy) const {
    return made(csl_to, ptr(), static_cast<const OptionsData*>(&o), non_blocking, copy, static_cast<int>(o.format));
  }
  template <class F, class... A>
  std::vector<Tensor> several(F function, A... arguments) const {
    std::vector<Tensor> list;
    function(this, arguments..., &list, add_to);
    return list;
  }
  template <class F>
  std::tuple<Tensor, Tensor> both(F function, std::int64_t d, bool flag) const {
    Tensor first, second;
    function(&first, &second, this, d, flag);
    return {first, second};
  }
  void require_dims(std::int64_t n) const {
    if (dim() != n) complain(Complaint::Error, "accessor", __FILE__, __LINE__, str("TensorAccessor expected ", n, " dims but tensor has ", dim()));
  }
  void* word_;
};
static_assert(sizeof(Tensor) == sizeof(void*));

inline void put(std::string& to, const Tensor& v) { to += v.str_of(); }

using TensorList = ArrayRef<Tensor>;
using MaybeTensor = std::optional<Tensor>;
inline const void* pointer(const MaybeTensor& t) { return t ? t->ptr() : nullptr; }

#define CSL_UNARY(n) inline Tensor n(const Tensor& a) { return a.n(); }
#define CSL_UNARY_FREE(n) inline Tensor n(const Tensor& a) { return Tensor::made(csl_u_##n, a.ptr()); }
#define CSL_UNARY_INPLACE(n) inline Tensor& n(Tensor& a) { return a.n(); }
#define CSL_BINARY(n) inline Tensor n(const Tensor& a, const Tensor& b) { return a.n(b); }
#define CSL_BINARY_SCALAR(n) inline Tensor n(const Tensor& a, const Scalar& b) { return a.n(b); }
#define CSL_REDUCE_ALL(n) inline Tensor n(const Tensor& a) { return a.n(); }
#define CSL_REDUCE_DIMS(n) inline Tensor n(const Tensor& a, IntArrayRef d, bool keep = false) { return a.n(d, keep); }
#define CSL_ALONG(n) inline std::tuple<Tensor, Tensor> n(const Tensor& a, std::int64_t d, bool flag = false) { return a.n(d, flag); }
#define CSL_LIKE(n) \
  inline Tensor n(const Tensor& a, const TensorOptions& o = {}) { return Tensor::made(csl_l_##n, a.ptr(), static_cast<const OptionsData*>(&o)); }
#define CSL_NEW(n) \
  inline Tensor n(IntArrayRef s, const TensorOptions& o = {}) { return Tensor::made(csl_n_##n, s.data(), s.size(), static_cast<const OptionsData*>(&o)); }
#define CSL_CONV(n) \
  inline Tensor n(const Tensor& x, const Tensor& w, const MaybeTensor& b = {}, const Sizes& stride = 1, const Sizes& padding = 0, \
      const Sizes& dilation = 1, std::int64_t groups = 1) { \
    return Tensor::made(csl_c_##n, x.ptr(), w.ptr(), pointer(b), stride.data(), stride.size(), padding.data(), padding.size(), \
        dilation.data(), dilation.size(), groups); \
  }
#include <caesar_slim/ops.h>

inline Tensor add(const Tensor& a, const Tensor& b, const Scalar& alpha = 1) { return a.add(b, alpha); }
inline Tensor add(const Tensor& a, const Scalar& b, const Scalar& alpha = 1) { return a.add(b, alpha); }
inline Tensor sub(const Tensor& a, const Tensor& b, const Scalar& alpha = 1) { return a.sub(b, alpha); }
inline Tensor sub(const Tensor& a, const Scalar& b, const Scalar& alpha = 1) { return a.sub(b, alpha); }
inline Tensor operator+(const Tensor& a, const Tensor& b) { return a.add(b); }
inline Tensor operator+(const Tensor& a, const Scalar& b) { return a.add(b); }
inline Tensor operator+(const Scalar& a, const Tensor& b) { return b.add(a); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return a.sub(b); }
inline Tensor operator-(const Tensor& a, const Scalar& b) { return a.sub(b); }
inline Tensor operator-(const Scalar& a, const Tensor& b) { return Tensor::made(csl_rsub, b.ptr(), &a); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return a.mul(b); }
inline Tensor operator*(const Tensor& a, const Scalar& b) { return a.mul(b); }
inline Tensor operator*(const Scalar& a, const Tensor& b) { return b.mul(a); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return a.div(b); }
inline Tensor operator/(const Tensor& a, const Scalar& b) { return a.div(b); }
inline Tensor operator/(const Scalar& a, const Tensor& b) { return b.reciprocal().mul(a); }
#define CSL_ORDER(op, n) \
  inline Tensor operator op(const Tensor& a, const Tensor& b) { return a.n(b); } \
  inline Tensor operator op(const Tensor& a, const Scalar& b) { return a.n(b); }
CSL_ORDER(==, eq) CSL_ORDER(!=, ne) CSL_ORDER(<, lt) CSL_ORDER(<=, le) CSL_ORDER(>, gt) CSL_ORDER(>=, ge)
#undef CSL_ORDER
inline Tensor clone(const Tensor& a) { return a.clone(); }
inline Tensor reshape(const Tensor& a, IntArrayRef s) { return a.reshape(s); }
inline Tensor flatten(const Tensor& a, std::int64_t from = 0, std::int64_t to = -1) { return a.flatten(from, to); }
inline Tensor transpose(const Tensor& a, std::int64_t x, std::int64_t y) { return a.transpose(x, y); }
inline Tensor permute(const Tensor& a, IntArrayRef d) { return a.permute(d); }
inline Tensor squeeze(const Tensor& a) { return a.squeeze(); }
inline Tensor squeeze(const Tensor& a, std::int64_t d) { return a.squeeze(d); }
inline Tensor unsqueeze(const Tensor& a, std::int64_t d) { return a.unsqueeze(d); }
inline Tensor index_select(const Tensor& a, std::int64_t d, const Tensor& i) { return a.index_select(d, i); }
inline Tensor gather(const Tensor& a, std::int64_t d, const Tensor& i) { return a.gather(d, i); }
inline Tensor clamp(const Tensor& a, const std::optional<Scalar>& low, const std::optional<Scalar>& high = {}) { return a.clamp(low, high); }
inline Tensor clamp_min(const Tensor& a, const Scalar& low) { return a.clamp_min(low); }
inline Tensor clamp_max(const Tensor& a, const Scalar& high) { return a.clamp_max(high); }
inline Tensor sum(const Tensor& a, MaybeType t = {}) { return a.sum(t); }
inline Tensor sum(const Tensor& a, IntArrayRef d, bool keep = false, MaybeType t = {}) { return a.sum(d, keep, t); }
inline Tensor mean(const Tensor& a, MaybeType t = {}) { return a.mean(t); }
inline Tensor mean(const Tensor& a, IntArrayRef d, bool keep = false, MaybeType t = {}) { return a.mean(d, keep, t); }
inline Tensor prod(const Tensor& a) { return a.prod(); }
inline Tensor norm(const Tensor& a, const Scalar& p = 2) { return a.norm(p); }
inline Tensor var(const Tensor& a, IntArrayRef d, bool unbiased = true, bool keep = false) { return a.var(d, unbiased, keep); }
inline Tensor argmax(const Tensor& a, std::optional<std::int64_t> d = {}, bool keep = false) { return a.argmax(d, keep); }
inline Tensor argmin(const Tensor& a, std::optional<std::int64_t> d = {}, bool keep = false) { return a.argmin(d, keep); }
inline Tensor softmax(const Tensor& a, std::int64_t d, MaybeType t = {}) { return a.softmax(d, t); }
inline Tensor log_softmax(const Tensor& a, std::int64_t d, MaybeType t = {}) { return a.log_softmax(d, t); }
inline Tensor cumsum(const Tensor& a, std::int64_t d) { return a.cumsum(d); }
inline Tensor cumprod(const Tensor& a, std::int64_t d) { return a.cumprod(d); }
inline Tensor where(const Tensor& c, const Tensor& a, const Tensor& b) { return Tensor::made(csl_where, c.ptr(), a.ptr(), b.ptr()); }
inline Tensor masked_fill(const Tensor& a, const Tensor& m, const Scalar& v) { return a.masked_fill(m, v); }
inline Tensor gelu(const Tensor& a, const std::string& how = "none") { return Tensor::made(csl_gelu, a.ptr(), how.c_str(), how.size()); }
inline Tensor leaky_relu(const Tensor& a, const Scalar& slope = 0.01) { return Tensor::made(csl_leaky_relu, a.ptr(), &slope); }
inline Tensor elu(const Tensor& a, const Scalar& alpha = 1) { return Tensor::made(csl_elu, a.ptr(), &alpha); }
inline Tensor softplus(const Tensor& a, const Scalar& beta = 1, const Scalar& threshold = 20) { return Tensor::made(csl_softplus, a.ptr(), &beta, &threshold); }
inline Tensor hardtanh(const Tensor& a, const Scalar& low = -1, const Scalar& high = 1) { return Tensor::made(csl_hardtanh, a.ptr(), &low, &high); }
inline Tensor tril(const Tensor& a, std::int64_t d = 0) { return a.tril(d); }
inline Tensor triu(const Tensor& a, std::int64_t d = 0) { return a.triu(d); }
inline Tensor diag(const Tensor& a, std::int64_t d = 0) { return a.diag(d); }
inline Tensor full(IntArrayRef s, const Scalar& v, const TensorOptions& o = {}) {
  return Tensor::made(csl_full, s.data(), s.size(), &v, static_cast<const OptionsData*>(&o));
}
inline Tensor full_like(const Tensor& a, const Scalar& v, const TensorOptions& o = {}) {
  return Tensor::made(csl_full_like, a.ptr(), &v, static_cast<const OptionsData*>(&o));
}
inline Tensor arange(const Scalar& from, const Scalar& to, const Scalar& step, const TensorOptions& o = {}) {
  return Tensor::made(csl_arange, &from, &to, &step, static_cast<const OptionsData*>(&o));
}
inline Tensor arange(const Scalar& from, const Scalar& to, const TensorOptions& o = {}) { return arange(from, to, Scalar(1), o); }
inline Tensor arange(const Scalar& to, const TensorOptions& o = {}) { return arange(Scalar(0), to, Scalar(1), o); }
inline Tensor eye(std::int64_t n, const TensorOptions& o = {}) { return Tensor::made(csl_eye, n, static_cast<const OptionsData*>(&o)); }
inline Tensor scalar_tensor(const Scalar& v, const TensorOptions& o = {}) { return Tensor::made(csl_scalar_tensor, &v, static_cast<const OptionsData*>(&o)); }
template <class T>
Tensor tensor(ArrayRef<T> v, const TensorOptions& o = {}) {
  return Tensor::made(csl_tensor_of, static_cast<const void*>(v.data()), static_cast<std::int64_t>(v.size()),
      static_cast<int>(TypeOf<T>::value), static_cast<const OptionsData*>(&o));
}
template <class T>
Tensor tensor(std::initializer_list<T> v, const TensorOptions& o = {}) { return tensor(ArrayRef<T>(v), o); }
template <class T>
Tensor tensor(const std::vector<T>& v, const TensorOptions& o = {}) { return tensor(ArrayRef<T>(v), o); }
inline Tensor from_blob(void* data, IntArrayRef s, const TensorOptions& o = {}) {
  return Tensor::made(csl_from_blob, data, s.data(), s.size(), static_cast<const OptionsData*>(&o));
}
inline std::vector<const void*> pointers(TensorList list) {
  std::vector<const void*> all;
  for (const auto& each : list) all.push_back(each.ptr());
  return all;
}
inline Tensor cat(TensorList list, std::int64_t d = 0) { return Tensor::made(csl_cat, pointers(list).data(), list.size(), d); }
inline Tensor stack(TensorList list, std::int64_t d = 0) { return Tensor::made(csl_stack, pointers(list).data(), list.size(), d); }
inline Tensor linear(const Tensor& x, const Tensor& w, const MaybeTensor& b = {}) { return Tensor::made(csl_linear, x.ptr(), w.ptr(), pointer(b)); }
inline Tensor addmm(const Tensor& c, const Tensor& a, const Tensor& b, const Scalar& beta = 1, const Scalar& alpha = 1) {
  return c.addmm(a, b, beta, alpha);
}
inline Tensor baddbmm(const Tensor& c, const Tensor& a, const Tensor& b, const Scalar& beta = 1, const Scalar& alpha = 1) {
  return Tensor::made(csl_baddbmm, c.ptr(), a.ptr(), b.ptr(), &beta, &alpha);
}
inline Tensor layer_norm(const Tensor& x, IntArrayRef s, const MaybeTensor& w = {}, const MaybeTensor& b = {}, double eps = 1e-5, bool = true) {
  return Tensor::made(csl_layer_norm, x.ptr(), s.data(), s.size(), pointer(w), pointer(b), eps);
}
inline std::vector<Tensor> split(const Tensor& a, std::int64_t size, std::int64_t d = 0) { return a.split(size, d); }
inline std::vector<Tensor> chunk(const Tensor& a, std::int64_t count, std::int64_t d = 0) { return a.chunk(count, d); }
inline std::vector<Tensor> unbind(const Tensor& a, std::int64_t d = 0) { return a.unbind(d); }
inline bool equal(const Tensor& a, const Tensor& b) { return a.equal(b); }
inline bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-05, double atol = 1e-08) { return a.allclose(b, rtol, atol); }

class NoGradGuard {
 public:
  NoGradGuard() : was_(csl_no_grad(true, false)) {}
  ~NoGradGuard() { csl_no_grad(false, was_); }
  NoGradGuard(const NoGradGuard&) = delete;

 private:
  bool was_;
};

}  // namespace caesar_slim

#define CSL_FREE                                                                                            \
  using caesar_slim::DefaultPtrTraits; using caesar_slim::NoGradGuard; using caesar_slim::PackedTensorAccessor32; \
  using caesar_slim::PackedTensorAccessor64; using caesar_slim::RestrictPtrTraits; using caesar_slim::Tensor;  \
  using caesar_slim::TensorAccessor; using caesar_slim::TensorList; using caesar_slim::add; using caesar_slim::addmm; \
  using caesar_slim::allclose; using caesar_slim::arange; using caesar_slim::argmax; using caesar_slim::argmin; \
  using caesar_slim::baddbmm; using caesar_slim::cat; using caesar_slim::chunk; using caesar_slim::clamp;      \
  using caesar_slim::clamp_max; using caesar_slim::clamp_min; using caesar_slim::clone; using caesar_slim::cumprod; \
  using caesar_slim::cumsum; using caesar_slim::device; using caesar_slim::diag; using caesar_slim::dtype;     \
  using caesar_slim::elu; using caesar_slim::equal; using caesar_slim::eye; using caesar_slim::flatten;        \
  using caesar_slim::from_blob; using caesar_slim::full; using caesar_slim::full_like; using caesar_slim::gather; \
  using caesar_slim::gelu; using caesar_slim::hardtanh; using caesar_slim::index_select; using caesar_slim::layer_norm; \
  using caesar_slim::leaky_relu; using caesar_slim::linear; using caesar_slim::log_softmax;                    \
  using caesar_slim::masked_fill; using caesar_slim::mean; using caesar_slim::norm; using caesar_slim::permute; \
  using caesar_slim::prod; using caesar_slim::requires_grad; using caesar_slim::reshape;                       \
  using caesar_slim::scalar_tensor; using caesar_slim::softmax; using caesar_slim::softplus; using caesar_slim::split; \
  using caesar_slim::squeeze; using caesar_slim::stack; using caesar_slim::sub; using caesar_slim::sum;        \
  using caesar_slim::tensor; using caesar_slim::transpose; using caesar_slim::tril; using caesar_slim::triu;   \
  using caesar_slim::unbind; using caesar_slim::unsqueeze; using caesar_slim::var; using caesar_slim::where;

namespace at {
CSL_FREE
#define CSL_UNARY(n) using caesar_slim::n;
#define CSL_UNARY_FREE(n) using caesar_slim::n;
#define CSL_UNARY_INPLACE(n) using caesar_slim::n;
#define CSL_BINARY(n) using caesar_slim::n;
#define CSL_REDUCE_ALL(n) using caesar_slim::n;
#define CSL_REDUCE_DIMS(n) using caesar_slim::n;
#define CSL_ALONG(n) using caesar_slim::n;
#define CSL_LIKE(n) using caesar_slim::n;
#define CSL_NEW(n) using caesar_slim::n;
#define CSL_CONV(n) using caesar_slim::n;
#include <caesar_slim/ops.h>
}  // namespace at
namespace torch {
using namespace at;
using std::nullopt;
using std::optional;
using Dtype = at::ScalarType;
constexpr auto kUInt8 = at::kByte, kInt8 = at::kChar, kInt16 = at::kShort, kInt32 = at::kInt, kInt64 = at::kLong,
    kFloat16 = at::kHalf, kFloat32 = at::kFloat, kFloat64 = at::kDouble;
constexpr auto kU8 = kUInt8, kI8 = kInt8, kI16 = kInt16, kI32 = kInt32, kI64 = kInt64, kF16 = kFloat16,
    kF32 = kFloat32, kF64 = kFloat64;
}  // namespace torch
