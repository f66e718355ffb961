// Caesar's slim stand-in for <pybind11/stl.h>; what it does not offer is built with the real one.
#pragma once
#include <caesar_slim/bind.h>
