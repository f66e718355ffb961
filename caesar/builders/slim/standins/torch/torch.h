// Caesar's slim stand-in for <torch/torch.h>; what it does not offer is built with the real one.
#pragma once
#include <torch/all.h>
