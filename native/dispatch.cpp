#include "dispatch.h"

#include <vector>

// Every set is the same source, compiled in a namespace of its own.
#define DECLARE(isa) \
    namespace isa { \
    extern const Kernel elman_forward[2], elman_backward[2], gru_forward[2], gru_backward[2], lstm_forward[2], \
        lstm_backward[2]; \
    }
#define BOTH(kernel) {kernel[0], kernel[1]}
#define SET(isa) \
    Kernels { \
        #isa, {BOTH(isa::elman_forward), BOTH(isa::gru_forward), BOTH(isa::lstm_forward)}, { \
            BOTH(isa::elman_backward), BOTH(isa::gru_backward), BOTH(isa::lstm_backward) \
        } \
    }

DECLARE(portable)
#ifdef UNROLLED_X86
DECLARE(avx2)
DECLARE(avx512)
#endif

const std::vector<Kernels>& available() {
    static const auto* sets = [] {
        auto* found = new std::vector<Kernels>;
#ifdef UNROLLED_X86
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
            found->push_back(SET(avx512));
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found->push_back(SET(avx2));
#endif
        found->push_back(SET(portable));
        return found;
    }();
    return *sets;
}
