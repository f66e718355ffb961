// The operators of the slim headers, by their shapes; the support library defines what tensor.h declares of them.
// No include guard: each user defines the macros it wants and the rest expand to nothing.
#ifndef CSL_UNARY
#define CSL_UNARY(name)
#endif
#ifndef CSL_UNARY_FREE
#define CSL_UNARY_FREE(name)
#endif
#ifndef CSL_UNARY_INPLACE
#define CSL_UNARY_INPLACE(name)
#endif
#ifndef CSL_BINARY
#define CSL_BINARY(name)
#endif
#ifndef CSL_BINARY_SCALAR
#define CSL_BINARY_SCALAR(name)
#endif
#ifndef CSL_BINARY_INPLACE
#define CSL_BINARY_INPLACE(name)
#endif
#ifndef CSL_REDUCE_ALL
#define CSL_REDUCE_ALL(name)
#endif
#ifndef CSL_REDUCE_DIMS
#define CSL_REDUCE_DIMS(name)
#endif
#ifndef CSL_ALONG
#define CSL_ALONG(name)
#endif
#ifndef CSL_LIKE
#define CSL_LIKE(name)
#endif
#ifndef CSL_NEW
#define CSL_NEW(name)
#endif
#ifndef CSL_CONV
#define CSL_CONV(name)
#endif

CSL_UNARY(abs) CSL_UNARY(acos) CSL_UNARY(asin) CSL_UNARY(atan) CSL_UNARY(ceil) CSL_UNARY(cos) CSL_UNARY(cosh)
CSL_UNARY(erf) CSL_UNARY(erfc) CSL_UNARY(exp) CSL_UNARY(exp2) CSL_UNARY(expm1) CSL_UNARY(floor) CSL_UNARY(log)
CSL_UNARY(log10) CSL_UNARY(log1p) CSL_UNARY(log2) CSL_UNARY(neg) CSL_UNARY(reciprocal) CSL_UNARY(relu)
CSL_UNARY(round) CSL_UNARY(rsqrt) CSL_UNARY(sigmoid) CSL_UNARY(sign) CSL_UNARY(sin) CSL_UNARY(sinh)
CSL_UNARY(sqrt) CSL_UNARY(square) CSL_UNARY(tan) CSL_UNARY(tanh) CSL_UNARY(trunc) CSL_UNARY(t)
CSL_UNARY(detach) CSL_UNARY(isnan) CSL_UNARY(isinf) CSL_UNARY(logical_not) CSL_UNARY(bitwise_not)
CSL_UNARY(nonzero) CSL_UNARY(ravel)

CSL_UNARY_FREE(silu) CSL_UNARY_FREE(selu) CSL_UNARY_FREE(mish) CSL_UNARY_FREE(hardswish)
CSL_UNARY_FREE(hardsigmoid) CSL_UNARY_FREE(log_sigmoid)

CSL_UNARY_INPLACE(abs_) CSL_UNARY_INPLACE(exp_) CSL_UNARY_INPLACE(relu_) CSL_UNARY_INPLACE(sigmoid_)
CSL_UNARY_INPLACE(tanh_) CSL_UNARY_INPLACE(sqrt_) CSL_UNARY_INPLACE(rsqrt_) CSL_UNARY_INPLACE(neg_)
CSL_UNARY_INPLACE(zero_) CSL_UNARY_INPLACE(reciprocal_) CSL_UNARY_INPLACE(log_) CSL_UNARY_INPLACE(floor_)

CSL_BINARY(mul) CSL_BINARY(div) CSL_BINARY(matmul) CSL_BINARY(mm) CSL_BINARY(bmm) CSL_BINARY(maximum)
CSL_BINARY(minimum) CSL_BINARY(dot) CSL_BINARY(mv) CSL_BINARY(pow) CSL_BINARY(eq) CSL_BINARY(ne) CSL_BINARY(lt)
CSL_BINARY(le) CSL_BINARY(gt) CSL_BINARY(ge) CSL_BINARY(logical_and) CSL_BINARY(logical_or) CSL_BINARY(fmod)
CSL_BINARY(remainder) CSL_BINARY(atan2) CSL_BINARY(expand_as) CSL_BINARY(view_as)

CSL_BINARY_SCALAR(mul) CSL_BINARY_SCALAR(div) CSL_BINARY_SCALAR(pow) CSL_BINARY_SCALAR(eq) CSL_BINARY_SCALAR(ne)
CSL_BINARY_SCALAR(lt) CSL_BINARY_SCALAR(le) CSL_BINARY_SCALAR(gt) CSL_BINARY_SCALAR(ge) CSL_BINARY_SCALAR(fmod)
CSL_BINARY_SCALAR(remainder)

CSL_BINARY_INPLACE(mul_) CSL_BINARY_INPLACE(div_) CSL_BINARY_INPLACE(pow_)

CSL_REDUCE_ALL(max) CSL_REDUCE_ALL(min) CSL_REDUCE_ALL(any) CSL_REDUCE_ALL(all)

CSL_REDUCE_DIMS(amax) CSL_REDUCE_DIMS(amin) CSL_REDUCE_DIMS(logsumexp)

CSL_ALONG(max) CSL_ALONG(min) CSL_ALONG(median) CSL_ALONG(sort)

CSL_LIKE(empty_like) CSL_LIKE(zeros_like) CSL_LIKE(ones_like) CSL_LIKE(rand_like) CSL_LIKE(randn_like)

CSL_NEW(empty) CSL_NEW(zeros) CSL_NEW(ones) CSL_NEW(rand) CSL_NEW(randn)

CSL_CONV(conv1d) CSL_CONV(conv2d) CSL_CONV(conv3d)

#undef CSL_UNARY
#undef CSL_UNARY_FREE
#undef CSL_UNARY_INPLACE
#undef CSL_BINARY
#undef CSL_BINARY_SCALAR
#undef CSL_BINARY_INPLACE
#undef CSL_REDUCE_ALL
#undef CSL_REDUCE_DIMS
#undef CSL_ALONG
#undef CSL_LIKE
#undef CSL_NEW
#undef CSL_CONV
