// The arguments of the kernels of parallel recurrences: h_t = a_t ∘ h_{t-1} + b_t with a_t and b_t functions of p_t.
//
// T steps, B lanes, H units, G planes of p, at most S threads; p is a sum of products with N slots of I inputs: those of
// the step itself and, in a QRNN, of earlier steps. Unless noted, all arrays are contiguous, time first, of one type
// (float or double); a null address means absent. Python checks all arguments beforehand (kernels/parallel.py).
#pragma once

#include <stdint.h>

#define UNROLLED_PARALLEL_SIZES(X) \
    X(T) X(B) X(H) X(I) \
    X(slots)       /* N: x has N − 1 steps more than y */ \
    X(threads)     /* at most so many */ \
    X(half)        /* products of bfloat16, sums of float32; all arrays float32 */ \
    X(reverse)     /* run from the last step to the first */

#define UNROLLED_PARALLEL_ARRAYS(X) \
    /* read by both directions */ \
    X(x)           /* (T + N − 1, B, I); 0: p is given, and dp is to be written */ \
    X(weight)      /* (G·H, N·I) */ \
    X(p)           /* (T, B, G, H): W_ih x_t; written forward, unless there is no x */ \
    X(bias)        /* (G, H): b_ih */ \
    X(decay)       /* (H): RG-LRU's log a⁸ */ \
    X(lengths)     /* int64 (B) */ \
    X(resets)      /* uint8 (T, B): true at a document's first step */ \
    X(h0)          /* (B, H): before the first step */ \
    X(hi)          /* (B, H): what a reset puts there */ \
    /* written forward, read backward */ \
    X(y)           /* (T, B, H): outputs, zero past an end */ \
    X(c)           /* (T, B, H): what (2) carries where that is not y, zero past an end */ \
    X(hn)          /* (B, H): after the last step */ \
    /* read backward */ \
    X(dy)          /* (T, B, H) */ \
    X(dhn)         /* (B, H) */ \
    /* written backward */ \
    X(dp)          /* (T, B, G, H), without x */ \
    X(dx)          /* as x; or 0 */ \
    X(dweight)     /* as weight, with x */ \
    X(dh0) X(dhi)  /* (B, H) */ \
    X(dbias)       /* (S, G, H): every thread's part, zeros before */ \
    X(ddecay)      /* (S, H): the same */

struct Parallel {
#define X(name) int64_t name = 0;
    UNROLLED_PARALLEL_SIZES(X)
#undef X
#define X(name) void* name = nullptr;
    UNROLLED_PARALLEL_ARRAYS(X)
#undef X
};

// The kinds: minGRU, minGRU with a positive candidate, minLSTM, minLSTM with a positive candidate, RG-LRU, QRNN.
constexpr int kParallelKinds = 6;

using ParallelKernel = void (*)(const Parallel&);
