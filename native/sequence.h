// The arguments of a kernel: sizes, options and addresses, the same for every cell and instruction set.
//
// T steps, B lanes, I inputs, H units, G gates. Unless noted, all arrays are contiguous, time first, of one type (float or
// double); a null address means absent. Python checks all arguments beforehand.
#pragma once

#include <stdint.h>

#include "attention.h"
#include "ctc.h"
#include "frozen.h"
#include "generation.h"
#include "maps.h"
#include "parallel.h"

// The fields by name, filled by the binding from Python's keyword arguments.
#define UNROLLED_SIZES(X) \
    X(T) X(B) X(I) X(H) \
    X(P)          /* width of h: H, or what it is projected to */ \
    X(threads)    /* at most so many */ \
    X(half)       /* products of bfloat16, sums of float32; all arrays float32 */ \
    X(reverse)    /* run from the last step to the first */ \
    X(relu)       /* vanilla RNN: ReLU instead of tanh */ \
    X(reset_after) /* GRU: (3a) instead of (3b) */

#define UNROLLED_RATES(X) \
    X(zoneout_h) X(zoneout_c) /* used where there is no mask */ \
    X(eps)                    /* of layer norm */

#define UNROLLED_ARRAYS(X) \
    /* read by both directions */ \
    X(lengths)     /* int64 (B) */ \
    X(resets)      /* uint8 (T, B): true at a document's first step */ \
    X(weight_hh)   /* (G·H, P) */ \
    X(peepholes)   /* (3, H): i, f, o */ \
    X(norm)        /* (10, H): gains of W_ih x, of W_hh h, of c, and what is added to c's: LSTM with layer norm */ \
    X(weight_hr)   /* (P, H): projection */ \
    X(h0) X(c0)    /* (B, P), (B, H): before the first step */ \
    X(hi) X(ci)    /* (B, P), (B, H): what a reset puts there */ \
    X(mask)        /* (B, P): on h in the recurrent product, the same at every step */ \
    X(zone_h) X(zone_c) /* (T, B, P), (T, B, H): 1 where the old value stays */ \
    X(ids)         /* int64 (T, B): which of the I inputs is one, all others being zero */ \
    X(x)           /* (T, B, I); or 0 with ids */ \
    X(weight_ih)   /* (G·H, I) */ \
    /* read forward */ \
    X(bias_ih) X(bias_hh) /* (G·H) */ \
    /* written forward, read backward */ \
    X(y)           /* (T, B, P): h after each step, zero past an end */ \
    X(c)           /* (T, B, H): c after each step; 0 keeps only the last */ \
    X(gates)       /* (T, B, S, H): see each cell; 0 keeps none */ \
    X(scales)      /* (T, B, 3): 1/deviation of W_ih x, W_hh h and c, with layer norm; 0 keeps none */ \
    X(hn) X(cn)    /* (B, P), (B, H): after the last step */ \
    /* read backward */ \
    X(dy)          /* (T, B, P) */ \
    X(dhn) X(dcn)  /* (B, P), (B, H) */ \
    /* written backward */ \
    X(da)          /* (T, B, S', H): gradients of what enters the nonlinearities, see each cell; with layer norm by W_ih x */ \
    X(dr)          /* (T, B, S', H): with layer norm, by W_hh h */ \
    X(dp) X(wide)  /* (T, B, P), (T, B, H): by the projected h, and what was projected */ \
    X(hb)          /* (T, B, P): h before each step as the product saw it; with a mask, and by GRU (3b) */ \
    X(dh0) X(dc0) X(dhi) X(dci) /* as the states */ \
    X(dx)          /* (T, B, I); or 0 */ \
    X(dweight_ih) X(dweight_hh) X(dweight_hr) X(dbias_ih) X(dbias_hh) /* as the parameters; dweight_ih 0 with ids */ \
    X(dtable)      /* (I, G·H): with ids, da summed over where each was the input */ \
    X(dpeepholes)  /* (3, H) */ \
    X(dnorm)       /* (10, H) */

struct Sequence {
#define X(name) int64_t name = 0;
    UNROLLED_SIZES(X)
#undef X
#define X(name) double name = 0;
    UNROLLED_RATES(X)
#undef X
#define X(name) void* name = nullptr;
    UNROLLED_ARRAYS(X)
#undef X
};

// The kernels of one instruction set.
using Kernel = void (*)(const Sequence&);
struct Kernels {
    const char* name;
    // [cell: rnn, gru, lstm, lstm with layer norm][type: float, double]
    Kernel forward[4][2];
    Kernel backward[4][2];
    // [weights: float32, bfloat16, int8], and the bytes of a SIMD vector, which determine the packing
    GenerationKernel generate[3];
    FrozenKernel frozen[3];
    int vector_bytes;
    // [inner cell: gru, lstm][type: float, double]
    AttentionKernel attention_forward[2][2];
    AttentionKernel attention_backward[2][2];
    // [kind][type: float, double]
    const ParallelKernel (*parallel_forward)[2];
    const ParallelKernel (*parallel_backward)[2];
    // [type: float, double]
    CtcKernel ctc_forward[2], ctc_backward[2];
    // [gru, lstm][type: float, double]
    MapsKernel maps_forward[2][2];
    MapsKernel maps_backward[2][2];
};
