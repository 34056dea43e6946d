// Which instruction set runs.
#pragma once

#include <vector>

#include "sequence.h"

// The sets that this build has and this processor can run, fastest first.
const std::vector<Kernels>& available();
