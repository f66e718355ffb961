// Caesar's slim stand-in for <torch/extension.h>; what it does not offer is built with the real one.
#pragma once
#include <torch/all.h>
#include <caesar_slim/bind.h>
