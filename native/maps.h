// The arguments of the kernels of convolutional recurrences (ConvGRU, ConvLSTM) over maps in channels-last layout.
//
// T steps, B lanes, H channels of the state, G gates, P positions of a map, D × E × F; K taps of the kernel, U × V × W.
// Unless noted, all arrays are contiguous, of one type (float or double); a null address means absent. Python checks all
// arguments beforehand (kernels/maps.py).
#pragma once

#include <stdint.h>

#define UNROLLED_MAPS_SIZES(X) \
    X(T) X(B) X(H) \
    X(D) X(E) X(F)     /* sizes of a map; leading ones for fewer dimensions */ \
    X(U) X(V) X(W)     /* sizes of the kernel */ \
    X(places)          /* positions with peepholes of their own: P, or 1 */ \
    X(threads)         /* at most so many */ \
    X(half)            /* products of bfloat16, sums of float32; all arrays float32 */ \
    X(reverse)         /* run from the last step to the first */

#define UNROLLED_MAPS_ARRAYS(X) \
    /* read by both directions */ \
    X(p)               /* (T, B, P, G·H): W ∗ x + b */ \
    X(weight)          /* (G·H, H, K): U, as torch stores it */ \
    X(peepholes)       /* (3, places, H): i, f, o */ \
    X(mask)            /* (B, H): on h in the recurrent convolution, the same at every step */ \
    X(lengths)         /* int64 (B) */ \
    X(resets)          /* uint8 (T, B): true at a document's first step */ \
    X(h0) X(c0)        /* (B, P, H): before the first step */ \
    X(hi) X(ci)        /* (B, P, H): what a reset puts there */ \
    /* written forward, read backward */ \
    X(y) X(c)          /* (T, B, P, H): after each step, zero past an end */ \
    X(gates)           /* (T, B, P, G, H): i, f, g, o or r, z, n; 0 keeps none */ \
    X(hn) X(cn)        /* (B, P, H): after the last step */ \
    /* read backward */ \
    X(dy)              /* (T, B, P, H) */ \
    X(dhn) X(dcn)      /* (B, P, H) */ \
    /* written backward */ \
    X(dp)              /* as p */ \
    X(dh0) X(dc0) X(dhi) X(dci) /* (B, P, H); dhi and dci are zeros before; or 0 */ \
    X(dweight)         /* as weight; or 0 */ \
    X(dpeepholes)      /* (threads, 3, places, H): every part's sum, zeros before */

struct Maps {
#define X(name) int64_t name = 0;
    UNROLLED_MAPS_SIZES(X)
#undef X
#define X(name) void* name = nullptr;
    UNROLLED_MAPS_ARRAYS(X)
#undef X
};

using MapsKernel = void (*)(const Maps&);
