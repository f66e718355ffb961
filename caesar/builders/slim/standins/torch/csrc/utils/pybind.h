// Caesar's slim stand-in for <torch/csrc/utils/pybind.h>; what it does not offer is built with the real one.
#pragma once
#include <caesar_slim/bind.h>
