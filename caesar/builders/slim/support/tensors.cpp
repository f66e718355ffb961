// What the slim headers declare of tensors, in terms of the real ones; compiled once for each toolchain.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <cstdlib>
#include <cstring>

namespace caesar_slim {

struct OptionsData {
  std::int8_t dtype = -1, device = -1, index = -1, requires_grad = -1, pinned = -1, format = -1;
};

struct Scalar {
  char kind;
  std::int64_t integer;
  double real;
  at::Scalar get() const {
    if (kind == 'd') return at::Scalar(real);
    if (kind == 'b') return at::Scalar(integer != 0);
    return at::Scalar(integer);
  }
};

enum class Complaint : int { Error, Value, Index, Type, NotImplemented, Internal };

[[noreturn]] void complain(Complaint kind, const char* function, const char* file, unsigned line, const std::string& text) {
  const c10::SourceLocation where{function, file, line};
  switch (kind) {
    case Complaint::Value: throw c10::ValueError(where, text);
    case Complaint::Index: throw c10::IndexError(where, text);
    case Complaint::Type: throw c10::TypeError(where, text);
    case Complaint::NotImplemented: throw c10::NotImplementedError(where, text);
    case Complaint::Internal: c10::detail::torchInternalAssertFail(function, file, line, text.c_str(), "");
    default: throw c10::Error(where, text);
  }
}

void warn(const char* function, const char* file, unsigned line, const std::string& text) {
  c10::warn(c10::Warning(c10::UserWarning(), c10::SourceLocation{function, file, line}, text, false));
}

void parallel(std::int64_t begin, std::int64_t end, std::int64_t grain, void* work,
    void (*call)(void*, std::int64_t, std::int64_t)) {
  at::parallel_for(begin, end, grain, [=](std::int64_t from, std::int64_t to) { call(work, from, to); });
}
int threads() { return at::get_num_threads(); }
int thread_number() { return at::get_thread_num(); }
bool in_parallel() { return at::in_parallel_region(); }

}  // namespace caesar_slim

namespace {

using caesar_slim::OptionsData;
using caesar_slim::Scalar;
using at::IntArrayRef;
using at::Tensor;
using i64 = std::int64_t;

static_assert(sizeof(Tensor) == sizeof(void*), "a tensor is one word");
#define SAME(name, number) static_assert(static_cast<int>(at::ScalarType::name) == number);
SAME(Byte, 0) SAME(Char, 1) SAME(Short, 2) SAME(Int, 3) SAME(Long, 4) SAME(Half, 5) SAME(Float, 6) SAME(Double, 7)
SAME(ComplexFloat, 9) SAME(ComplexDouble, 10) SAME(Bool, 11) SAME(BFloat16, 15) SAME(Float8_e5m2, 23)
SAME(Float8_e4m3fn, 24) SAME(UInt16, 27) SAME(UInt32, 28) SAME(UInt64, 29)
static_assert(static_cast<int>(at::MemoryFormat::Preserve) == 1 && static_cast<int>(at::MemoryFormat::ChannelsLast3d) == 3);
static_assert(static_cast<int>(at::DeviceType::CUDA) == 1);

const Tensor& T(const void* p) { return *static_cast<const Tensor*>(p); }
Tensor& M(const void* p) { return *static_cast<Tensor*>(const_cast<void*>(p)); }
void give(void* out, Tensor made) { new (out) Tensor(std::move(made)); }
std::optional<Tensor> maybe(const void* p) { return p ? std::optional<Tensor>(T(p)) : std::nullopt; }
std::optional<at::Scalar> maybe(const Scalar* p) { return p ? std::optional<at::Scalar>(p->get()) : std::nullopt; }
std::optional<at::ScalarType> type(int code) {
  return code < 0 ? std::nullopt : std::optional<at::ScalarType>(static_cast<at::ScalarType>(code));
}
std::optional<at::MemoryFormat> format(int code) {
  return code < 0 ? std::nullopt : std::optional<at::MemoryFormat>(static_cast<at::MemoryFormat>(code));
}
at::TensorOptions options(const OptionsData* o) {
  at::TensorOptions made;
  if (o->dtype >= 0) made = made.dtype(static_cast<at::ScalarType>(o->dtype));
  if (o->device >= 0) made = made.device(at::Device(static_cast<at::DeviceType>(o->device), o->index));
  if (o->pinned > 0) made = made.pinned_memory(true);
  return made;
}
Tensor graded(Tensor made, const OptionsData* o) {
  if (o->requires_grad > 0) made.set_requires_grad(true);
  return made;
}
std::vector<Tensor> list(const void* const* p, std::size_t n) {
  std::vector<Tensor> all;
  for (std::size_t i = 0; i < n; ++i) all.push_back(T(p[i]));
  return all;
}
void each(const std::vector<Tensor>& all, void* into, void (*add)(void*, const void*)) {
  for (const auto& one : all) add(into, &one);
}

}  // namespace

extern "C" {

const char* csl_type_name(int code) { return c10::toString(static_cast<at::ScalarType>(code)); }
std::size_t csl_type_size(int code) { return c10::elementSize(static_cast<at::ScalarType>(code)); }
void csl_undefined(void* out) { new (out) Tensor(); }
void csl_copy(void* out, const void* from) { new (out) Tensor(T(from)); }
void csl_move(void* out, void* from) { new (out) Tensor(std::move(M(from))); }
void csl_assign(void* to, const void* from) { M(to) = T(from); }
void csl_assign_moved(void* to, void* from) { M(to) = std::move(M(from)); }
void csl_free(void* p) {
  if (*static_cast<void**>(p)) M(p).~Tensor();  // a result whose making failed is no tensor yet
}
bool csl_defined(const void* p) { return T(p).defined(); }
bool csl_same(const void* a, const void* b) { return T(a).is_same(T(b)); }
i64 csl_dim(const void* p) { return T(p).dim(); }
i64 csl_numel(const void* p) { return T(p).numel(); }
const i64* csl_sizes(const void* p) { return T(p).sizes().data(); }
const i64* csl_strides(const void* p) { return T(p).strides().data(); }
i64 csl_size(const void* p, i64 d) { return T(p).size(d); }
i64 csl_stride(const void* p, i64 d) { return T(p).stride(d); }
i64 csl_storage_offset(const void* p) { return T(p).storage_offset(); }
bool csl_contiguous_as(const void* p, int f) { return T(p).is_contiguous(static_cast<at::MemoryFormat>(f)); }
int csl_dtype(const void* p) { return static_cast<int>(T(p).scalar_type()); }
OptionsData csl_options(const void* p) {
  const auto where = T(p).device();
  TORCH_CHECK(where.is_cpu() || where.is_cuda(), "a tensor on ", where, " is neither on a CPU nor on a GPU");
  OptionsData o;
  o.dtype = static_cast<std::int8_t>(T(p).scalar_type());
  o.device = static_cast<std::int8_t>(where.type());
  o.index = where.index();
  return o;
}
bool csl_requires_grad(const void* p) { return T(p).requires_grad(); }
void csl_set_requires_grad(const void* p, bool yes) { T(p).set_requires_grad(yes); }
void* csl_data(const void* p, int dtype, bool constant) {
  const auto& t = T(p);
  if (dtype >= 0 && t.scalar_type() != static_cast<at::ScalarType>(dtype))
    TORCH_CHECK(false, "expected scalar type ", static_cast<at::ScalarType>(dtype), " but found ", t.scalar_type());
  return constant ? const_cast<void*>(t.const_data_ptr()) : t.mutable_data_ptr();
}
Scalar* csl_item(const void* p, Scalar* out) {
  const auto v = T(p).item();
  if (v.isBoolean()) *out = Scalar{'b', v.toBool(), 0};
  else if (v.isFloatingPoint()) *out = Scalar{'d', 0, v.toDouble()};
  else *out = Scalar{'i', v.toLong(), 0};
  return out;
}
void csl_contiguous(void* out, const void* p, int f) { give(out, T(p).contiguous(static_cast<at::MemoryFormat>(f))); }
void csl_to(void* out, const void* p, const OptionsData* o, bool non_blocking, bool copy, int f) {
  auto wanted = options(o);
  if (o->device == static_cast<int>(at::DeviceType::CUDA) && o->index < 0 && T(p).is_cuda()) wanted = wanted.device(T(p).device());
  give(out, T(p).to(wanted, non_blocking, copy, format(f)));
}
void csl_clone(void* out, const void* p, int f) { give(out, T(p).clone(format(f))); }
void csl_view(void* out, const void* p, const i64* s, std::size_t n) { give(out, T(p).view(IntArrayRef(s, n))); }
void csl_reshape(void* out, const void* p, const i64* s, std::size_t n) { give(out, T(p).reshape(IntArrayRef(s, n))); }
void csl_expand(void* out, const void* p, const i64* s, std::size_t n) { give(out, T(p).expand(IntArrayRef(s, n))); }
void csl_permute(void* out, const void* p, const i64* s, std::size_t n) { give(out, T(p).permute(IntArrayRef(s, n))); }
void csl_repeat(void* out, const void* p, const i64* s, std::size_t n) { give(out, T(p).repeat(IntArrayRef(s, n))); }
void csl_resize_(const void* p, const i64* s, std::size_t n) { T(p).resize_(IntArrayRef(s, n)); }
void csl_flatten(void* out, const void* p, i64 a, i64 b) { give(out, T(p).flatten(a, b)); }
void csl_transpose(void* out, const void* p, i64 a, i64 b) { give(out, T(p).transpose(a, b)); }
void csl_squeeze(void* out, const void* p) { give(out, T(p).squeeze()); }
void csl_squeeze_dim(void* out, const void* p, i64 d) { give(out, T(p).squeeze(d)); }
void csl_unsqueeze(void* out, const void* p, i64 d) { give(out, T(p).unsqueeze(d)); }
void csl_select(void* out, const void* p, i64 d, i64 i) { give(out, T(p).select(d, i)); }
void csl_narrow(void* out, const void* p, i64 d, i64 from, i64 n) { give(out, T(p).narrow(d, from, n)); }
void csl_slice(void* out, const void* p, i64 d, const i64* from, const i64* to, i64 step) {
  const auto a = from ? std::optional<i64>(*from) : std::nullopt, b = to ? std::optional<i64>(*to) : std::nullopt;
  give(out, T(p).slice(d, a, b, step));
}
void csl_index_select(void* out, const void* p, i64 d, const void* i) { give(out, T(p).index_select(d, T(i))); }
void csl_gather(void* out, const void* p, i64 d, const void* i) { give(out, T(p).gather(d, T(i))); }
void csl_fill_(const void* p, const Scalar* v) { M(p).fill_(v->get()); }
void csl_copy_(const void* p, const void* o, bool non_blocking) { M(p).copy_(T(o), non_blocking); }
void csl_add(void* out, const void* a, const void* b, const Scalar* s) { give(out, at::add(T(a), T(b), s->get())); }
void csl_add_scalar(void* out, const void* a, const Scalar* b, const Scalar* s) { give(out, at::add(T(a), b->get(), s->get())); }
void csl_sub(void* out, const void* a, const void* b, const Scalar* s) { give(out, at::sub(T(a), T(b), s->get())); }
void csl_sub_scalar(void* out, const void* a, const Scalar* b, const Scalar* s) { give(out, at::sub(T(a), b->get(), s->get())); }
void csl_rsub(void* out, const void* a, const Scalar* b) { give(out, at::rsub(T(a), b->get())); }
void csl_add_(const void* a, const void* b, const Scalar* s) { M(a).add_(T(b), s->get()); }
void csl_add_scalar_(const void* a, const Scalar* b) { M(a).add_(b->get()); }
void csl_sub_(const void* a, const void* b, const Scalar* s) { M(a).sub_(T(b), s->get()); }
void csl_sub_scalar_(const void* a, const Scalar* b) { M(a).sub_(b->get()); }
void csl_clamp(void* out, const void* p, const Scalar* a, const Scalar* b) { give(out, at::clamp(T(p), maybe(a), maybe(b))); }
void csl_clamp_(const void* p, const Scalar* a, const Scalar* b) { M(p).clamp_(maybe(a), maybe(b)); }
void csl_sum(void* out, const void* p, const i64* d, std::size_t n, bool keep, int t) { give(out, at::sum(T(p), IntArrayRef(d, n), keep, type(t))); }
void csl_sum_all(void* out, const void* p, int t) { give(out, at::sum(T(p), type(t))); }
void csl_mean(void* out, const void* p, const i64* d, std::size_t n, bool keep, int t) { give(out, at::mean(T(p), IntArrayRef(d, n), keep, type(t))); }
void csl_mean_all(void* out, const void* p, int t) { give(out, at::mean(T(p), type(t))); }
void csl_prod(void* out, const void* p, i64 d, bool keep) { give(out, at::prod(T(p), d, keep)); }
void csl_prod_all(void* out, const void* p) { give(out, at::prod(T(p))); }
void csl_norm(void* out, const void* p, const Scalar* s) { give(out, at::norm(T(p), s->get())); }
void csl_var(void* out, const void* p, const i64* d, std::size_t n, bool u, bool keep) { give(out, at::var(T(p), at::OptionalIntArrayRef(IntArrayRef(d, n)), u, keep)); }
void csl_var_all(void* out, const void* p, bool u) { give(out, at::var(T(p), u)); }
void csl_std(void* out, const void* p, const i64* d, std::size_t n, bool u, bool keep) { give(out, at::std(T(p), at::OptionalIntArrayRef(IntArrayRef(d, n)), u, keep)); }
void csl_argmax(void* out, const void* p, bool whole, i64 d, bool keep) { give(out, at::argmax(T(p), whole ? std::nullopt : std::optional<i64>(d), keep)); }
void csl_argmin(void* out, const void* p, bool whole, i64 d, bool keep) { give(out, at::argmin(T(p), whole ? std::nullopt : std::optional<i64>(d), keep)); }
void csl_softmax(void* out, const void* p, i64 d, int t) { give(out, at::softmax(T(p), d, type(t))); }
void csl_log_softmax(void* out, const void* p, i64 d, int t) { give(out, at::log_softmax(T(p), d, type(t))); }
void csl_cumsum(void* out, const void* p, i64 d) { give(out, at::cumsum(T(p), d)); }
void csl_cumprod(void* out, const void* p, i64 d) { give(out, at::cumprod(T(p), d)); }
void csl_where(void* out, const void* c, const void* a, const void* b) { give(out, at::where(T(c), T(a), T(b))); }
void csl_masked_fill(void* out, const void* p, const void* m, const Scalar* v) { give(out, at::masked_fill(T(p), T(m), v->get())); }
void csl_masked_fill_(const void* p, const void* m, const Scalar* v) { M(p).masked_fill_(T(m), v->get()); }
void csl_gelu(void* out, const void* p, const char* how, std::size_t n) { give(out, at::gelu(T(p), std::string_view(how, n))); }
void csl_leaky_relu(void* out, const void* p, const Scalar* s) { give(out, at::leaky_relu(T(p), s->get())); }
void csl_elu(void* out, const void* p, const Scalar* s) { give(out, at::elu(T(p), s->get())); }
void csl_softplus(void* out, const void* p, const Scalar* a, const Scalar* b) { give(out, at::softplus(T(p), a->get(), b->get())); }
void csl_hardtanh(void* out, const void* p, const Scalar* a, const Scalar* b) { give(out, at::hardtanh(T(p), a->get(), b->get())); }
void csl_tril(void* out, const void* p, i64 d) { give(out, at::tril(T(p), d)); }
void csl_triu(void* out, const void* p, i64 d) { give(out, at::triu(T(p), d)); }
void csl_diag(void* out, const void* p, i64 d) { give(out, at::diag(T(p), d)); }
void csl_full(void* out, const i64* s, std::size_t n, const Scalar* v, const OptionsData* o) { give(out, graded(at::full(IntArrayRef(s, n), v->get(), options(o)), o)); }
void csl_full_like(void* out, const void* p, const Scalar* v, const OptionsData* o) { give(out, graded(at::full_like(T(p), v->get(), options(o), format(o->format)), o)); }
void csl_arange(void* out, const Scalar* a, const Scalar* b, const Scalar* s, const OptionsData* o) { give(out, graded(at::arange(a->get(), b->get(), s->get(), options(o)), o)); }
void csl_eye(void* out, i64 n, const OptionsData* o) { give(out, graded(at::eye(n, options(o)), o)); }
void csl_scalar_tensor(void* out, const Scalar* v, const OptionsData* o) { give(out, graded(at::scalar_tensor(v->get(), options(o)), o)); }
void csl_tensor_of(void* out, const void* data, i64 n, int t, const OptionsData* o) {
  const auto held = at::from_blob(const_cast<void*>(data), {n}, at::TensorOptions(static_cast<at::ScalarType>(t)));
  auto wanted = options(o);
  if (o->dtype < 0) wanted = wanted.dtype(static_cast<at::ScalarType>(t));
  give(out, graded(held.to(wanted, false, true), o));
}
void csl_from_blob(void* out, void* data, const i64* s, std::size_t n, const OptionsData* o) { give(out, graded(at::from_blob(data, IntArrayRef(s, n), options(o)), o)); }
void csl_cat(void* out, const void* const* p, std::size_t n, i64 d) { give(out, at::cat(list(p, n), d)); }
void csl_stack(void* out, const void* const* p, std::size_t n, i64 d) { give(out, at::stack(list(p, n), d)); }
void csl_linear(void* out, const void* x, const void* w, const void* b) { give(out, at::linear(T(x), T(w), maybe(b))); }
void csl_addmm(void* out, const void* c, const void* a, const void* b, const Scalar* x, const Scalar* y) { give(out, at::addmm(T(c), T(a), T(b), x->get(), y->get())); }
void csl_baddbmm(void* out, const void* c, const void* a, const void* b, const Scalar* x, const Scalar* y) { give(out, at::baddbmm(T(c), T(a), T(b), x->get(), y->get())); }
void csl_layer_norm(void* out, const void* x, const i64* s, std::size_t n, const void* w, const void* b, double eps) { give(out, at::layer_norm(T(x), IntArrayRef(s, n), maybe(w), maybe(b), eps)); }
void csl_split(const void* p, i64 size, i64 d, void* into, void (*add)(void*, const void*)) { each(at::split(T(p), size, d), into, add); }
void csl_chunk(const void* p, i64 count, i64 d, void* into, void (*add)(void*, const void*)) { each(at::chunk(T(p), count, d), into, add); }
void csl_unbind(const void* p, i64 d, void* into, void (*add)(void*, const void*)) { each(at::unbind(T(p), d), into, add); }
char* csl_text(const void* p) { return strdup(c10::str(T(p)).c_str()); }
bool csl_no_grad(bool off, bool was) {
  const bool before = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(off ? false : was);
  return before;
}
bool csl_equal(const void* a, const void* b) { return at::equal(T(a), T(b)); }
bool csl_allclose(const void* a, const void* b, double r, double t) { return at::allclose(T(a), T(b), r, t); }

#define CSL_UNARY(n) void csl_u_##n(void* out, const void* p) { give(out, T(p).n()); }
#define CSL_UNARY_FREE(n) void csl_u_##n(void* out, const void* p) { give(out, at::n(T(p))); }
#define CSL_UNARY_INPLACE(n) void csl_i_##n(const void* p) { M(p).n(); }
#define CSL_BINARY(n) void csl_b_##n(void* out, const void* a, const void* b) { give(out, T(a).n(T(b))); }
#define CSL_BINARY_SCALAR(n) void csl_s_##n(void* out, const void* a, const Scalar* b) { give(out, T(a).n(b->get())); }
#define CSL_BINARY_INPLACE(n) \
  void csl_bi_##n(const void* a, const void* b) { M(a).n(T(b)); } \
  void csl_si_##n(const void* a, const Scalar* b) { M(a).n(b->get()); }
#define CSL_REDUCE_ALL(n) void csl_ra_##n(void* out, const void* p) { give(out, T(p).n()); }
#define CSL_REDUCE_DIMS(n) void csl_rd_##n(void* out, const void* p, const i64* d, std::size_t k, bool keep) { give(out, T(p).n(IntArrayRef(d, k), keep)); }
#define CSL_ALONG(n) \
  void csl_al_##n(void* first, void* second, const void* p, i64 d, bool flag) { std::tie(M(first), M(second)) = T(p).n(d, flag); }
#define CSL_LIKE(n) void csl_l_##n(void* out, const void* p, const OptionsData* o) { give(out, graded(at::n(T(p), options(o), format(o->format)), o)); }
#define CSL_NEW(n) void csl_n_##n(void* out, const i64* s, std::size_t k, const OptionsData* o) { give(out, graded(at::n(IntArrayRef(s, k), options(o)), o)); }
#define CSL_CONV(n) \
  void csl_c_##n(void* out, const void* x, const void* w, const void* b, const i64* s, std::size_t sn, const i64* p, std::size_t pn, \
      const i64* d, std::size_t dn, i64 groups) { \
    give(out, at::n(T(x), T(w), maybe(b), IntArrayRef(s, sn), IntArrayRef(p, pn), IntArrayRef(d, dn), groups)); \
  }
#include <caesar_slim/ops.h>

}  // extern "C"
