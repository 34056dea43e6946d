// The arguments of the generation kernel: a frozen model, the state of B streams, and how tokens are sampled.
//
// B streams, V tokens in the vocabulary, H units of a layer, D = H rounded up to kPad, W the SIMD width of float. Python
// packs the weights (kernels/generation.py) and checks every shape; a null address means absent.
#pragma once

#include <stdint.h>

constexpr int64_t kPad = 16;  // depths and units are padded with zeros to a multiple of it

// A packed matrix of N·P·W rows (P panels of N vectors) over a depth K: [panel][k / S][N][W][S] with S adjacent values:
// 1 for float32, 2 for bfloat16, 4 for int8. Scales and offsets [panel][N][W] are for int8 only.
struct Matrix {
    const void* weights = nullptr;
    const void* scales = nullptr;   // float: a weight is its int8 times this
    const void* offsets = nullptr;  // int32: −128 · Σ_k of the int8 weights of a row
};

#define UNROLLED_LAYER_SIZES(X) \
    X(kind)        /* 0 rnn, 1 gru, 2 lstm */ \
    X(H)           \
    X(I)           /* padded depth of ih; 0 where a table stands for that product */ \
    X(relu)        /* vanilla RNN: ReLU instead of tanh */ \
    X(reset_after) /* GRU: (3a) instead of (3b) */ \
    X(residual)    /* pass up output + input */

#define UNROLLED_LAYER_RATES(X) X(zoneout_h) X(zoneout_c)

#define UNROLLED_LAYER_MATRICES(X) \
    X(ih)          /* all gates, from the second layer on, or without a table */ \
    X(hh)          /* all gates; GRU (3b): r and z */ \
    X(hn)          /* GRU (3b): n */

#define UNROLLED_LAYER_ARRAYS(X) \
    X(table)       /* (V or 1) rows [panel][gate][W]: biases, in the first layer with the product of the symbol */ \
    X(bias_hn)     /* GRU (3a): (D) */ \
    X(peepholes)   /* (3, D): i, f, o */ \
    X(hold_h) X(hold_c) /* (D): the values of held units of the state, NaN for all others; or 0 */ \
    X(h) X(c)      /* (B, H): the state, read and then overwritten by that after the last step */

struct Layer {
#define X(name) int64_t name = 0;
    UNROLLED_LAYER_SIZES(X)
#undef X
#define X(name) double name = 0;
    UNROLLED_LAYER_RATES(X)
#undef X
#define X(name) Matrix name;
    UNROLLED_LAYER_MATRICES(X)
#undef X
#define X(name) void* name = nullptr;
    UNROLLED_LAYER_ARRAYS(X)
#undef X
};

#define UNROLLED_GENERATION_SIZES(X) \
    X(B) X(V) \
    X(count)       /* steps */ \
    X(threads)     /* at most so many */ \
    X(reads)       /* the head's input: 0 the last layer's output, 1 the sum of all, 2 all side by side */

#define UNROLLED_GENERATION_ARRAYS(X) \
    X(embedding)   /* (V, I of the first layer), if that has no table of products */ \
    X(head_bias)   /* (V rounded up to whole panels) */ \
    X(logits)      /* (B, V): of what comes next, read and then overwritten by those after the last step */ \
    X(forced)      /* int64 (count, B): symbols to read instead of choosing; or 0 */ \
    X(ids)         /* int64 (count, B): written, the chosen symbols */ \
    X(every)       /* (count, B, V): written, the logits after each step; or 0 */ \
    /* how each stream chooses, (B) each */ \
    X(seed) X(stream) X(position) /* int64: what the first draw is keyed by */ \
    X(temperature) /* double, 0: the likeliest */ \
    X(top_k)       /* int64, 0: all */ \
    X(top_p)       /* double, 1: all */

struct Generation {
    const Layer* layers = nullptr;
    int64_t depth = 0;  // layers
    Matrix head;
#define X(name) int64_t name = 0;
    UNROLLED_GENERATION_SIZES(X)
#undef X
#define X(name) void* name = nullptr;
    UNROLLED_GENERATION_ARRAYS(X)
#undef X
};

using GenerationKernel = void (*)(const Generation&);
