// Caesar's slim stand-ins for PyTorch's headers: plain values and what they need.
//
// Types live in caesar_slim and are made visible in at, c10 and torch by using-declarations, so that a source
// which also pulls in a real header does not compile here, and is built with the real ones instead.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

#include <c10/macros/Macros.h>

#if defined(__CUDACC__)
#define CSL_HOST_DEVICE __host__ __device__
#else
#define CSL_HOST_DEVICE
#endif

#ifdef CSL_WANTS_HALF
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#endif

namespace caesar_slim {

template <class T>
class ArrayRef {
 public:
  using value_type = T;
  using iterator = const T*;
  using const_iterator = const T*;
  constexpr ArrayRef() = default;
  constexpr ArrayRef(const T& one) : data_(&one), size_(1) {}
  constexpr ArrayRef(const T* data, std::size_t size) : data_(data), size_(size) {}
  constexpr ArrayRef(const T* begin, const T* end) : data_(begin), size_(end - begin) {}
  template <class A>
  ArrayRef(const std::vector<T, A>& from) : data_(from.data()), size_(from.size()) {}
  template <std::size_t N>
  constexpr ArrayRef(const std::array<T, N>& from) : data_(from.data()), size_(N) {}
  template <std::size_t N>
  constexpr ArrayRef(const T (&from)[N]) : data_(from), size_(N) {}
  constexpr ArrayRef(const std::initializer_list<T>& from) : data_(from.begin()), size_(from.size()) {}
  constexpr const T* begin() const { return data_; }
  constexpr const T* end() const { return data_ + size_; }
  constexpr const T* data() const { return data_; }
  constexpr std::size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr const T& front() const { return data_[0]; }
  constexpr const T& back() const { return data_[size_ - 1]; }
  constexpr const T& operator[](std::size_t at) const { return data_[at]; }
  ArrayRef slice(std::size_t from, std::size_t count) const { return {data_ + from, count}; }
  ArrayRef slice(std::size_t from) const { return {data_ + from, size_ - from}; }
  std::vector<T> vec() const { return std::vector<T>(begin(), end()); }
  bool equals(ArrayRef other) const {
    if (size_ != other.size_) return false;
    for (std::size_t i = 0; i < size_; ++i)
      if (!(data_[i] == other.data_[i])) return false;
    return true;
  }

 private:
  const T* data_ = nullptr;
  std::size_t size_ = 0;
};
template <class T>
bool operator==(ArrayRef<T> a, ArrayRef<T> b) { return a.equals(b); }
template <class T>
bool operator!=(ArrayRef<T> a, ArrayRef<T> b) { return !a.equals(b); }
template <class T>
bool operator==(const std::vector<T>& a, ArrayRef<T> b) { return ArrayRef<T>(a).equals(b); }
template <class T>
bool operator==(ArrayRef<T> a, const std::vector<T>& b) { return a.equals(ArrayRef<T>(b)); }
template <class T>
bool operator!=(ArrayRef<T> a, const std::vector<T>& b) { return !a.equals(ArrayRef<T>(b)); }

using IntArrayRef = ArrayRef<std::int64_t>;

// A list of dimensions that one number can stand for, as pooling and convolution take them.
class Sizes {
 public:
  Sizes(std::int64_t one) : one_(one), ref_(), single_(true) {}
  Sizes(int one) : Sizes(static_cast<std::int64_t>(one)) {}
  Sizes(IntArrayRef many) : ref_(many) {}
  Sizes(const std::vector<std::int64_t>& many) : ref_(many) {}
  Sizes(const std::initializer_list<std::int64_t>& many) : ref_(many) {}
  const std::int64_t* data() const { return single_ ? &one_ : ref_.data(); }
  std::size_t size() const { return single_ ? 1 : ref_.size(); }

 private:
  std::int64_t one_ = 0;
  IntArrayRef ref_;
  bool single_ = false;
};

enum class ScalarType : std::int8_t {
  Byte = 0, Char = 1, Short = 2, Int = 3, Long = 4, Half = 5, Float = 6, Double = 7, ComplexHalf = 8,
  ComplexFloat = 9, ComplexDouble = 10, Bool = 11, QInt8 = 12, QUInt8 = 13, QInt32 = 14, BFloat16 = 15,
  Float8_e5m2 = 23, Float8_e4m3fn = 24, UInt16 = 27, UInt32 = 28, UInt64 = 29,
};
constexpr ScalarType kByte = ScalarType::Byte, kChar = ScalarType::Char, kShort = ScalarType::Short,
    kInt = ScalarType::Int, kLong = ScalarType::Long, kHalf = ScalarType::Half, kFloat = ScalarType::Float,
    kDouble = ScalarType::Double, kBool = ScalarType::Bool, kBFloat16 = ScalarType::BFloat16,
    kComplexFloat = ScalarType::ComplexFloat, kComplexDouble = ScalarType::ComplexDouble,
    kFloat8_e5m2 = ScalarType::Float8_e5m2, kFloat8_e4m3fn = ScalarType::Float8_e4m3fn,
    kUInt16 = ScalarType::UInt16, kUInt32 = ScalarType::UInt32, kUInt64 = ScalarType::UInt64;

template <class T>
struct TypeOf;
#define CSL_TYPE(T, name) \
  template <> struct TypeOf<T> { static constexpr ScalarType value = ScalarType::name; };
CSL_TYPE(std::uint8_t, Byte)
CSL_TYPE(std::int8_t, Char)
CSL_TYPE(std::int16_t, Short)
CSL_TYPE(std::int32_t, Int)
CSL_TYPE(std::int64_t, Long)
CSL_TYPE(float, Float)
CSL_TYPE(double, Double)
CSL_TYPE(bool, Bool)
CSL_TYPE(std::uint16_t, UInt16)
CSL_TYPE(std::uint32_t, UInt32)
CSL_TYPE(std::uint64_t, UInt64)
#ifdef CSL_WANTS_HALF
CSL_TYPE(c10::Half, Half)
CSL_TYPE(c10::BFloat16, BFloat16)
#endif
#undef CSL_TYPE

template <ScalarType N>
struct CppType;
#define CSL_CPP(T, name) \
  template <> struct CppType<ScalarType::name> { using type = T; };
CSL_CPP(std::uint8_t, Byte)
CSL_CPP(std::int8_t, Char)
CSL_CPP(std::int16_t, Short)
CSL_CPP(std::int32_t, Int)
CSL_CPP(std::int64_t, Long)
CSL_CPP(float, Float)
CSL_CPP(double, Double)
CSL_CPP(bool, Bool)
#ifdef CSL_WANTS_HALF
CSL_CPP(c10::Half, Half)
CSL_CPP(c10::BFloat16, BFloat16)
#endif
#undef CSL_CPP

extern "C" const char* csl_type_name(int type);
extern "C" std::size_t csl_type_size(int type);

inline const char* toString(ScalarType type) { return csl_type_name(static_cast<int>(type)); }
inline std::size_t elementSize(ScalarType type) { return csl_type_size(static_cast<int>(type)); }
inline bool isFloatingType(ScalarType t) {
  return t == kFloat || t == kDouble || t == kHalf || t == kBFloat16 || t == kFloat8_e5m2 || t == kFloat8_e4m3fn;
}
inline bool isIntegralType(ScalarType t, bool with_bool) {
  return (t >= kByte && t <= kLong) || (t >= kUInt16 && t <= kUInt64) || (with_bool && t == kBool);
}

enum class DeviceType : std::int8_t { CPU = 0, CUDA = 1 };
constexpr DeviceType kCPU = DeviceType::CPU, kCUDA = DeviceType::CUDA;
using DeviceIndex = std::int8_t;

class Device {
 public:
  Device(DeviceType type, DeviceIndex index = -1) : type_(type), index_(index) {}
  Device(const std::string& text);
  Device(const char* text) : Device(std::string(text)) {}
  DeviceType type() const { return type_; }
  DeviceIndex index() const { return index_; }
  bool has_index() const { return index_ != -1; }
  bool is_cuda() const { return type_ == kCUDA; }
  bool is_cpu() const { return type_ == kCPU; }
  std::string str() const {
    std::string text = type_ == kCUDA ? "cuda" : "cpu";
    return has_index() ? text + ":" + std::to_string(index_) : text;
  }
  bool operator==(const Device& o) const { return type_ == o.type_ && index_ == o.index_; }
  bool operator!=(const Device& o) const { return !(*this == o); }

 private:
  DeviceType type_;
  DeviceIndex index_;
};

class TypeMeta {
 public:
  TypeMeta(ScalarType type) : type_(type) {}
  ScalarType toScalarType() const { return type_; }
  std::size_t itemsize() const { return elementSize(type_); }
  const char* name() const { return toString(type_); }
  bool operator==(TypeMeta o) const { return type_ == o.type_; }
  bool operator!=(TypeMeta o) const { return type_ != o.type_; }

 private:
  ScalarType type_;
};
inline bool operator==(TypeMeta a, ScalarType b) { return a.toScalarType() == b; }
inline bool operator!=(TypeMeta a, ScalarType b) { return a.toScalarType() != b; }
inline bool operator==(ScalarType a, TypeMeta b) { return a == b.toScalarType(); }
inline bool operator!=(ScalarType a, TypeMeta b) { return a != b.toScalarType(); }
inline ScalarType typeMetaToScalarType(TypeMeta type) { return type.toScalarType(); }

enum class MemoryFormat : std::int8_t { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };
enum class Layout : std::int8_t { Strided };
constexpr Layout kStrided = Layout::Strided;

// What TensorOptions say, as it crosses to the support library; -1 stands for not said.
struct OptionsData {
  std::int8_t dtype = -1, device = -1, index = -1, requires_grad = -1, pinned = -1, format = -1;
};

class TensorOptions : public OptionsData {
 public:
  TensorOptions() = default;
  TensorOptions(ScalarType type) { OptionsData::dtype = static_cast<std::int8_t>(type); }
  TensorOptions(TypeMeta type) : TensorOptions(type.toScalarType()) {}
  TensorOptions(Device where) { set(where); }
  TensorOptions(DeviceType where) { set(Device(where)); }
  explicit TensorOptions(const OptionsData& data) : OptionsData(data) {}
  TensorOptions dtype(std::optional<ScalarType> type) const {
    auto copy = *this;
    copy.OptionsData::dtype = type ? static_cast<std::int8_t>(*type) : -1;
    return copy;
  }
  TensorOptions dtype(ScalarType type) const { return dtype(std::optional<ScalarType>(type)); }
  TensorOptions dtype(TypeMeta type) const { return dtype(type.toScalarType()); }
  template <class T>
  TensorOptions dtype() const { return dtype(TypeOf<T>::value); }
  TensorOptions device(Device where) const {
    auto copy = *this;
    copy.set(where);
    return copy;
  }
  TensorOptions device(DeviceType type, DeviceIndex index = -1) const { return device(Device(type, index)); }
  TensorOptions layout(Layout) const { return *this; }
  TensorOptions requires_grad(bool yes) const {
    auto copy = *this;
    copy.OptionsData::requires_grad = yes;
    return copy;
  }
  TensorOptions pinned_memory(bool yes) const {
    auto copy = *this;
    copy.OptionsData::pinned = yes;
    return copy;
  }
  TensorOptions memory_format(MemoryFormat format) const {
    auto copy = *this;
    copy.OptionsData::format = static_cast<std::int8_t>(format);
    return copy;
  }
  Device device() const { return Device(OptionsData::device < 0 ? kCPU : DeviceType(OptionsData::device), index); }

 private:
  void set(Device where) {
    OptionsData::device = static_cast<std::int8_t>(where.type());
    index = where.index();
  }
};
inline TensorOptions dtype(ScalarType type) { return TensorOptions(type); }
inline TensorOptions dtype(TypeMeta type) { return TensorOptions(type); }
inline TensorOptions device(Device where) { return TensorOptions(where); }
inline TensorOptions device(DeviceType where) { return TensorOptions(where); }
inline TensorOptions requires_grad(bool yes = true) { return TensorOptions().requires_grad(yes); }

// A number of a tensor's kind, as it crosses to the support library.
class Scalar {
 public:
  Scalar() : Scalar(std::int64_t{0}) {}
  template <class T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, int> = 0>
  Scalar(T value) : kind_('i'), integer_(static_cast<std::int64_t>(value)) {}
  Scalar(bool value) : kind_('b'), integer_(value) {}
  Scalar(double value) : kind_('d'), real_(value) {}
  Scalar(float value) : kind_('d'), real_(value) {}
#ifdef CSL_WANTS_HALF
  Scalar(c10::Half value) : Scalar(static_cast<float>(value)) {}
  Scalar(c10::BFloat16 value) : Scalar(static_cast<float>(value)) {}
#endif
  template <class T>
  T to() const { return kind_ == 'd' ? static_cast<T>(real_) : static_cast<T>(integer_); }
  float toFloat() const { return to<float>(); }
  double toDouble() const { return to<double>(); }
  int toInt() const { return to<int>(); }
  std::int64_t toLong() const { return to<std::int64_t>(); }
  bool toBool() const { return to<bool>(); }
  bool isFloatingPoint() const { return kind_ == 'd'; }
  bool isBoolean() const { return kind_ == 'b'; }

 private:
  char kind_;
  std::int64_t integer_ = 0;
  double real_ = 0;
};

// Messages: what TORCH_CHECK accepts is put one after the other.
inline void put(std::string& to, const char* v) { to += v; }
inline void put(std::string& to, const std::string& v) { to += v; }
inline void put(std::string& to, bool v) { to += v ? '1' : '0'; }
inline void put(std::string& to, char v) { to += v; }
inline void put(std::string& to, double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", v);
  to += text;
}
inline void put(std::string& to, float v) { put(to, static_cast<double>(v)); }
inline void put(std::string& to, ScalarType v) { to += toString(v); }
inline void put(std::string& to, TypeMeta v) { put(to, v.toScalarType()); }
inline void put(std::string& to, DeviceType v) { to += v == kCUDA ? "cuda" : "cpu"; }
inline void put(std::string& to, const Device& v) { to += v.str(); }
template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
void put(std::string& to, T v) { to += std::to_string(v); }
template <class T>
void put(std::string& to, ArrayRef<T> v) {
  to += '[';
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (i) to += ", ";
    put(to, v[i]);
  }
  to += ']';
}
template <class T>
void put(std::string& to, const std::vector<T>& v) { put(to, ArrayRef<T>(v)); }
template <class... A>
std::string str(const A&... parts) {
  std::string text;
  (put(text, parts), ...);
  return text;
}

enum class Complaint : int { Error, Value, Index, Type, NotImplemented, Internal };
[[noreturn]] void complain(Complaint kind, const char* function, const char* file, unsigned line, const std::string& text);
void warn(const char* function, const char* file, unsigned line, const std::string& text);

template <class... A>
std::string message(const char* fallback, const A&... parts) {
  if constexpr (sizeof...(A) == 0) return fallback;
  else return str(parts...);
}

inline Device::Device(const std::string& text) : type_(kCPU), index_(-1) {
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  if (name == "cuda") type_ = kCUDA;
  else if (name != "cpu") complain(Complaint::Error, __func__, __FILE__, __LINE__, "Invalid device string: '" + text + "'");
  if (colon != std::string::npos) index_ = static_cast<DeviceIndex>(std::atoi(text.c_str() + colon + 1));
}

}  // namespace caesar_slim

#define CSL_CHECK(kind, cond, ...)                                                                       \
  if (C10_UNLIKELY(!(cond)))                                                                             \
    ::caesar_slim::complain(::caesar_slim::Complaint::kind, __func__, __FILE__,                          \
        static_cast<unsigned>(__LINE__), ::caesar_slim::message("Expected " #cond                        \
        " to be true, but got false.  (Could this error message be improved?  If so, please report an "  \
        "enhancement request to PyTorch.)", ##__VA_ARGS__))
#define TORCH_CHECK(cond, ...) CSL_CHECK(Error, cond, ##__VA_ARGS__)
#define TORCH_CHECK_VALUE(cond, ...) CSL_CHECK(Value, cond, ##__VA_ARGS__)
#define TORCH_CHECK_INDEX(cond, ...) CSL_CHECK(Index, cond, ##__VA_ARGS__)
#define TORCH_CHECK_TYPE(cond, ...) CSL_CHECK(Type, cond, ##__VA_ARGS__)
#define TORCH_CHECK_NOT_IMPLEMENTED(cond, ...) CSL_CHECK(NotImplemented, cond, ##__VA_ARGS__)
#define TORCH_INTERNAL_ASSERT(cond, ...)                                                                 \
  if (C10_UNLIKELY(!(cond)))                                                                             \
    ::caesar_slim::complain(::caesar_slim::Complaint::Internal, __func__, __FILE__,                      \
        static_cast<unsigned>(__LINE__), ::caesar_slim::str(#cond, ##__VA_ARGS__))
#define AT_ASSERT(cond) TORCH_INTERNAL_ASSERT(cond)
#define AT_ASSERTM(cond, ...) TORCH_CHECK(cond, ##__VA_ARGS__)
#define AT_ERROR(...)                                                                                    \
  do {                                                                                                   \
    ::caesar_slim::complain(::caesar_slim::Complaint::Error, __func__, __FILE__,                         \
        static_cast<unsigned>(__LINE__), ::caesar_slim::str(__VA_ARGS__));                               \
  } while (false)
#define TORCH_WARN(...)                                                                                  \
  ::caesar_slim::warn(__func__, __FILE__, static_cast<unsigned>(__LINE__), ::caesar_slim::str(__VA_ARGS__))
#define TORCH_WARN_ONCE(...)                                                                             \
  do {                                                                                                   \
    static bool said = false;                                                                            \
    if (!said) TORCH_WARN(__VA_ARGS__);                                                                  \
    said = true;                                                                                         \
  } while (false)
#define CSL_COMPARE(a, b, op) \
  TORCH_CHECK((a)op(b), "Check failed: " #a " " #op " " #b " (", (a), " vs. ", (b), "). ")
#define TORCH_CHECK_EQ(a, b) CSL_COMPARE(a, b, ==)
#define TORCH_CHECK_NE(a, b) CSL_COMPARE(a, b, !=)
#define TORCH_CHECK_LE(a, b) CSL_COMPARE(a, b, <=)
#define TORCH_CHECK_LT(a, b) CSL_COMPARE(a, b, <)
#define TORCH_CHECK_GE(a, b) CSL_COMPARE(a, b, >=)
#define TORCH_CHECK_GT(a, b) CSL_COMPARE(a, b, >)

#define CSL_VALUES                                                                                       \
  using caesar_slim::ArrayRef; using caesar_slim::Device; using caesar_slim::DeviceIndex;                \
  using caesar_slim::DeviceType; using caesar_slim::IntArrayRef; using caesar_slim::Layout;              \
  using caesar_slim::MemoryFormat; using caesar_slim::Scalar; using caesar_slim::ScalarType;             \
  using caesar_slim::TensorOptions; using caesar_slim::elementSize; using caesar_slim::isFloatingType;   \
  using caesar_slim::isIntegralType; using caesar_slim::kBFloat16; using caesar_slim::kBool;             \
  using caesar_slim::kByte; using caesar_slim::kCPU; using caesar_slim::kCUDA; using caesar_slim::kChar; \
  using caesar_slim::kComplexDouble; using caesar_slim::kComplexFloat; using caesar_slim::kDouble;       \
  using caesar_slim::kFloat; using caesar_slim::kFloat8_e4m3fn; using caesar_slim::kFloat8_e5m2;         \
  using caesar_slim::kHalf; using caesar_slim::kInt; using caesar_slim::kLong; using caesar_slim::kShort;\
  using caesar_slim::kStrided; using caesar_slim::kUInt16; using caesar_slim::kUInt32;                   \
  using caesar_slim::kUInt64; using caesar_slim::toString; using caesar_slim::typeMetaToScalarType;

namespace c10 {
CSL_VALUES
using caesar_slim::str;
using std::nullopt;
using std::nullopt_t;
using std::optional;
template <class T>
using CppTypeToScalarType = caesar_slim::TypeOf<T>;
template <class T>
struct ScalarRange {
  struct iterator {
    T at;
    T operator*() const { return at; }
    iterator& operator++() { ++at; return *this; }
    bool operator!=(const iterator& o) const { return at < o.at; }
  };
  T from, to;
  iterator begin() const { return {from}; }
  iterator end() const { return {to}; }
};
template <class T>
ScalarRange<T> irange(T to) { return {T(0), to}; }
template <class A, class B>
ScalarRange<B> irange(A from, B to) { return {static_cast<B>(from), to}; }
}  // namespace c10
namespace caffe2 {
using caesar_slim::TypeMeta;
}
namespace at {
CSL_VALUES
#ifdef CSL_WANTS_HALF
using c10::BFloat16;
using c10::Half;
#endif
using c10::irange;
}  // namespace at
