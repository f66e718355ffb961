// Caesar's slim stand-in for <ATen/core/TensorAccessor.h>; what it does not offer is built with the real one.
#pragma once
#include <caesar_slim/tensor.h>
