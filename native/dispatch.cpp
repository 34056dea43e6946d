// Chooses the instruction set when the kernels are loaded, and calls them.
#include "dispatch.h"

#include <vector>

#ifdef UNROLLED_AMX
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

// Every instruction set is the same source, compiled in a separate namespace.
#define DECLARE_GATED(isa) \
    namespace isa { \
    extern const Kernel elman_forward[2], elman_backward[2], gru_forward[2], gru_backward[2], lstm_forward[2], \
        lstm_backward[2], normed_forward[2], normed_backward[2]; \
    extern const MapsKernel maps_forward[2][2], maps_backward[2][2]; \
    }
#define DECLARE_OTHERS(isa) \
    namespace isa { \
    extern const AttentionKernel attention_forward[2][2], attention_backward[2][2]; \
    extern const ParallelKernel parallel_forward[kParallelKinds][2], parallel_backward[kParallelKinds][2]; \
    extern const CtcKernel ctc_forward[2], ctc_backward[2]; \
    }
#define DECLARE_WRITING(isa) \
    namespace isa { \
    extern const GenerationKernel generate[3]; \
    extern const FrozenKernel frozen[3]; \
    }
#define BOTH(kernel) {kernel[0], kernel[1]}
#define ALL(kernel) {kernel[0], kernel[1], kernel[2]}
#define SET(name, isa, others, writing, vector_bytes) \
    Kernels { \
        name, {BOTH(isa::elman_forward), BOTH(isa::gru_forward), BOTH(isa::lstm_forward), BOTH(isa::normed_forward)}, \
            {BOTH(isa::elman_backward), BOTH(isa::gru_backward), BOTH(isa::lstm_backward), \
             BOTH(isa::normed_backward)}, ALL(writing::generate), ALL(writing::frozen), vector_bytes, \
            {BOTH(others::attention_forward[0]), BOTH(others::attention_forward[1])}, \
            {BOTH(others::attention_backward[0]), BOTH(others::attention_backward[1])}, \
            others::parallel_forward, others::parallel_backward, BOTH(others::ctc_forward), BOTH(others::ctc_backward), \
            {BOTH(isa::maps_forward[0]), BOTH(isa::maps_forward[1])}, \
            {BOTH(isa::maps_backward[0]), BOTH(isa::maps_backward[1])} \
    }

DECLARE_GATED(portable)
DECLARE_OTHERS(portable)
DECLARE_WRITING(portable)
#ifdef UNROLLED_X86
DECLARE_GATED(avx2)
DECLARE_OTHERS(avx2)
DECLARE_WRITING(avx2)
DECLARE_GATED(avx512)
DECLARE_OTHERS(avx512)
DECLARE_WRITING(avx512)
DECLARE_WRITING(avx512vnni)
DECLARE_GATED(avx512bf16)
#endif
#ifdef UNROLLED_AMX
DECLARE_GATED(amx)

// Whether there is a matrix unit and the system grants its use; its registers are large, so permission is required.
static bool matrix_unit() {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    const unsigned bfloat16 = 1u << 22, tiles = 1u << 24;
    const long ask = 0x1023, registers = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return (d & bfloat16) && (d & tiles) && syscall(SYS_arch_prctl, ask, registers) == 0;
}
#endif

const std::vector<Kernels>& available() {
    static const auto* sets = [] {
        auto* found = new std::vector<Kernels>;
#ifdef UNROLLED_X86
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
            const bool vnni = __builtin_cpu_supports("avx512vnni"), half = vnni && __builtin_cpu_supports("avx512bf16");
#ifdef UNROLLED_AMX
            if (half && matrix_unit()) found->push_back(SET("amx", amx, avx512, avx512vnni, 64));
#endif
            if (half) found->push_back(SET("avx512bf16", avx512bf16, avx512, avx512vnni, 64));
            if (vnni) found->push_back(SET("avx512vnni", avx512, avx512, avx512vnni, 64));
            found->push_back(SET("avx512", avx512, avx512, avx512, 64));
        }
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            found->push_back(SET("avx2", avx2, avx2, avx2, 32));
#endif
        found->push_back(SET("portable", portable, portable, portable, 16));
        return found;
    }();
    return *sets;
}
