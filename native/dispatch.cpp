#include "dispatch.h"

#include <vector>

// Every set is the same source, compiled in a namespace of its own.
#define DECLARE(isa) \
    namespace isa { \
    extern const Kernel elman_forward[2], elman_backward[2], gru_forward[2], gru_backward[2], lstm_forward[2], \
        lstm_backward[2], normed_forward[2], normed_backward[2]; \
    extern const AttentionKernel attention_forward[2][2], attention_backward[2][2]; \
    extern const ParallelKernel parallel_forward[kParallelKinds][2], parallel_backward[kParallelKinds][2]; \
    }
#define DECLARE_WRITING(isa) \
    namespace isa { \
    extern const GenerationKernel generate[3]; \
    }
#define BOTH(kernel) {kernel[0], kernel[1]}
#define ALL(kernel) {kernel[0], kernel[1], kernel[2]}
#define SET(name, isa, writing, vector_bytes) \
    Kernels { \
        name, {BOTH(isa::elman_forward), BOTH(isa::gru_forward), BOTH(isa::lstm_forward), BOTH(isa::normed_forward)}, \
            {BOTH(isa::elman_backward), BOTH(isa::gru_backward), BOTH(isa::lstm_backward), \
             BOTH(isa::normed_backward)}, ALL(writing::generate), vector_bytes, \
            {BOTH(isa::attention_forward[0]), BOTH(isa::attention_forward[1])}, \
            {BOTH(isa::attention_backward[0]), BOTH(isa::attention_backward[1])}, \
            isa::parallel_forward, isa::parallel_backward \
    }

DECLARE(portable)
DECLARE_WRITING(portable)
#ifdef UNROLLED_X86
DECLARE(avx2)
DECLARE_WRITING(avx2)
DECLARE(avx512)
DECLARE_WRITING(avx512)
DECLARE_WRITING(avx512vnni)
DECLARE(avx512bf16)
#endif

const std::vector<Kernels>& available() {
    static const auto* sets = [] {
        auto* found = new std::vector<Kernels>;
#ifdef UNROLLED_X86
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
            if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni"))
                found->push_back(SET("avx512bf16", avx512bf16, avx512vnni, 64));
            if (__builtin_cpu_supports("avx512vnni")) found->push_back(SET("avx512vnni", avx512, avx512vnni, 64));
            found->push_back(SET("avx512", avx512, avx512, 64));
        }
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            found->push_back(SET("avx2", avx2, avx2, 32));
#endif
        found->push_back(SET("portable", portable, portable, 16));
        return found;
    }();
    return *sets;
}
