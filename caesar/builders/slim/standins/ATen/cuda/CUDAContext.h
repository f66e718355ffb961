// Caesar's slim stand-in for <ATen/cuda/CUDAContext.h>; what it does not offer is built with the real one.
#pragma once
#include <caesar_slim/cuda.h>
