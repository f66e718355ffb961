// AT_DISPATCH_*: the same switch over a tensor's type, without what the real one includes.
#pragma once
#include <caesar_slim/tensor.h>

namespace caesar_slim {
inline ScalarType scalar_type(ScalarType t) { return t; }
inline ScalarType scalar_type(TypeMeta t) { return t.toScalarType(); }
}  // namespace caesar_slim

#define AT_DISPATCH_CASE(kind, ...)                                   \
  case kind: {                                                        \
    using scalar_t = typename ::caesar_slim::CppType<kind>::type;     \
    [[maybe_unused]] typedef scalar_t csl_unused;                     \
    return __VA_ARGS__();                                             \
  }
#define AT_DISPATCH_SWITCH(TYPE, NAME, ...)                                                               \
  [&] {                                                                                                   \
    const auto& the_type = TYPE;                                                                          \
    constexpr const char* at_dispatch_name = NAME;                                                        \
    switch (::caesar_slim::scalar_type(the_type)) {                                                       \
      __VA_ARGS__                                                                                         \
      default:                                                                                            \
        TORCH_CHECK_NOT_IMPLEMENTED(false, '"', at_dispatch_name, "\" not implemented for '",             \
            ::caesar_slim::toString(::caesar_slim::scalar_type(the_type)), "'");                          \
        ::std::abort();                                                                                   \
    }                                                                                                     \
  }()
#define CSL_T(name) ::caesar_slim::ScalarType::name
#define AT_DISPATCH_CASE_FLOATING_TYPES(...) \
  AT_DISPATCH_CASE(CSL_T(Double), __VA_ARGS__) AT_DISPATCH_CASE(CSL_T(Float), __VA_ARGS__)
#define AT_DISPATCH_CASE_INTEGRAL_TYPES(...)                                                              \
  AT_DISPATCH_CASE(CSL_T(Byte), __VA_ARGS__) AT_DISPATCH_CASE(CSL_T(Char), __VA_ARGS__)                   \
  AT_DISPATCH_CASE(CSL_T(Int), __VA_ARGS__) AT_DISPATCH_CASE(CSL_T(Long), __VA_ARGS__)                    \
  AT_DISPATCH_CASE(CSL_T(Short), __VA_ARGS__)
#define AT_DISPATCH_CASE_ALL_TYPES(...) \
  AT_DISPATCH_CASE_INTEGRAL_TYPES(__VA_ARGS__) AT_DISPATCH_CASE_FLOATING_TYPES(__VA_ARGS__)
#define AT_DISPATCH_FLOATING_TYPES(T, N, ...) AT_DISPATCH_SWITCH(T, N, AT_DISPATCH_CASE_FLOATING_TYPES(__VA_ARGS__))
#define AT_DISPATCH_FLOATING_TYPES_AND_HALF(T, N, ...) \
  AT_DISPATCH_SWITCH(T, N, AT_DISPATCH_CASE_FLOATING_TYPES(__VA_ARGS__) AT_DISPATCH_CASE(CSL_T(Half), __VA_ARGS__))
#define AT_DISPATCH_FLOATING_TYPES_AND(A, T, N, ...) \
  AT_DISPATCH_SWITCH(T, N, AT_DISPATCH_CASE_FLOATING_TYPES(__VA_ARGS__) AT_DISPATCH_CASE(A, __VA_ARGS__))
#define AT_DISPATCH_FLOATING_TYPES_AND2(A, B, T, N, ...)                                                  \
  AT_DISPATCH_SWITCH(T, N, AT_DISPATCH_CASE_FLOATING_TYPES(__VA_ARGS__) AT_DISPATCH_CASE(A, __VA_ARGS__)  \
      AT_DISPATCH_CASE(B, __VA_ARGS__))
#define AT_DISPATCH_REDUCED_FLOATING_TYPES(T, N, ...) \
  AT_DISPATCH_SWITCH(T, N, AT_DISPATCH_CASE(CSL_T(Half), __VA_ARGS__) AT_DISPATCH_CASE(CSL_T(BFloat16), __VA_ARGS__))
#define AT_DISPATCH_INTEGRAL_TYPES(T, N, ...) AT_DISPATCH_SWITCH(T, N, AT_DISPATCH_CASE_INTEGRAL_TYPES(__VA_ARGS__))
#define AT_DISPATCH_INTEGRAL_TYPES_AND(A, T, N, ...) \
  AT_DISPATCH_SWITCH(T, N, AT_DISPATCH_CASE_INTEGRAL_TYPES(__VA_ARGS__) AT_DISPATCH_CASE(A, __VA_ARGS__))
#define AT_DISPATCH_ALL_TYPES(T, N, ...) AT_DISPATCH_SWITCH(T, N, AT_DISPATCH_CASE_ALL_TYPES(__VA_ARGS__))
#define AT_DISPATCH_ALL_TYPES_AND(A, T, N, ...) \
  AT_DISPATCH_SWITCH(T, N, AT_DISPATCH_CASE_ALL_TYPES(__VA_ARGS__) AT_DISPATCH_CASE(A, __VA_ARGS__))
#define AT_DISPATCH_ALL_TYPES_AND2(A, B, T, N, ...)                                                       \
  AT_DISPATCH_SWITCH(T, N, AT_DISPATCH_CASE_ALL_TYPES(__VA_ARGS__) AT_DISPATCH_CASE(A, __VA_ARGS__)       \
      AT_DISPATCH_CASE(B, __VA_ARGS__))
#define AT_DISPATCH_ALL_TYPES_AND3(A, B, C, T, N, ...)                                                    \
  AT_DISPATCH_SWITCH(T, N, AT_DISPATCH_CASE_ALL_TYPES(__VA_ARGS__) AT_DISPATCH_CASE(A, __VA_ARGS__)       \
      AT_DISPATCH_CASE(B, __VA_ARGS__) AT_DISPATCH_CASE(C, __VA_ARGS__))
#define AT_DISPATCH_INDEX_TYPES(T, N, ...)                                                                \
  [&] {                                                                                                   \
    switch (::caesar_slim::scalar_type(T)) {                                                              \
      case CSL_T(Int): { using index_t = std::int32_t; return __VA_ARGS__(); }                            \
      case CSL_T(Long): { using index_t = std::int64_t; return __VA_ARGS__(); }                           \
      default:                                                                                            \
        TORCH_CHECK_NOT_IMPLEMENTED(false, '"', N, "\" not implemented for '",                            \
            ::caesar_slim::toString(::caesar_slim::scalar_type(T)), "'");                                 \
        ::std::abort();                                                                                   \
    }                                                                                                     \
  }()
