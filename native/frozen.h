// The arguments of a frozen stack: its packed weights, prepared once, and the addresses of one call.
//
// T steps, B lanes, L layers × directions, H units of a layer, D = H rounded up to whole panels, W the SIMD width of float.
// Python packs the weights (kernels/frozen.py) and checks every shape; a null address means absent.
#pragma once

#include "generation.h"

constexpr int64_t kQuads = 4;  // vectors of units in a panel of a vanilla RNN; the other cells have one of each gate

// One layer in one direction. Its matrices are those of generation.h, with panels of gates × vectors of units.
#define UNROLLED_FROZEN_SIZES(X) \
    X(kind)        /* 0 rnn, 1 gru, 2 lstm */ \
    X(I) X(H)      \
    X(relu)        /* vanilla RNN: ReLU instead of tanh */ \
    X(reset_after) /* GRU: (3a) instead of (3b) */

#define UNROLLED_FROZEN_RATES(X) X(zoneout_h) X(zoneout_c)

#define UNROLLED_FROZEN_MATRICES(X) \
    X(ih)          /* all gates */ \
    X(hh)          /* all gates; GRU (3b): r and z */ \
    X(hn)          /* GRU (3b): n */

#define UNROLLED_FROZEN_ARRAYS(X) \
    X(bias)        /* [panel][vector][W]; GRU (3a): r, z, n from the input, n from h */ \
    X(peepholes)   /* (3, D): i, f, o */

struct FrozenLayer {
#define X(name) int64_t name = 0;
    UNROLLED_FROZEN_SIZES(X)
#undef X
#define X(name) double name = 0;
    UNROLLED_FROZEN_RATES(X)
#undef X
#define X(name) Matrix name;
    UNROLLED_FROZEN_MATRICES(X)
#undef X
#define X(name) void* name = nullptr;
    UNROLLED_FROZEN_ARRAYS(X)
#undef X
};

struct FrozenStack {
    const FrozenLayer* layers = nullptr;  // layer 0 forward, layer 0 backward, layer 1 forward, …
    int64_t depth = 0, directions = 1;
    int64_t residual = 0;  // add a layer's input to its output from the second layer on
};

struct FrozenCall {
    int64_t T = 0, B = 0, threads = 1;
    int64_t backward = 0;                           // read the panels from the last to the first
    const float* x = nullptr;                       // (T, B, I), with these distances between steps and lanes
    int64_t x_step = 0, x_lane = 0;
    float* y = nullptr;                             // (T, B, directions·H), written
    int64_t y_step = 0, y_lane = 0;
    const float *h0 = nullptr, *c0 = nullptr;       // (L, B, H); 0 for zeros
    float *hn = nullptr, *cn = nullptr;             // (L, B, H), written
    const int64_t* lengths = nullptr;               // (B)
};

using FrozenKernel = void (*)(const FrozenStack&, const FrozenCall&);
