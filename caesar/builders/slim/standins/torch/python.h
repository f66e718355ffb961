// Caesar's slim stand-in for <torch/python.h>; what it does not offer is built with the real one.
#pragma once
#include <Python.h>
#include <caesar_slim/bind.h>
