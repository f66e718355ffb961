// Caesar's slim stand-in for <c10/util/irange.h>; what it does not offer is built with the real one.
#pragma once
#include <caesar_slim/core.h>
