// Selection of the instruction set.
#pragma once

#include <vector>

#include "sequence.h"

// The instruction sets that this build contains and this processor supports, fastest first.
const std::vector<Kernels>& available();
