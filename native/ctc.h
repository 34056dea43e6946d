// The arguments of connectionist temporal classification (CTC; Graves et al. 2006): losses and their gradients.
//
// T frames, B examples, C classes, S labels of the longest target. Real numbers are of one type, float or double. Python
// checks all arguments beforehand (kernels/ctc.py).
#pragma once

#include <stdint.h>

#define UNROLLED_CTC_SIZES(X) \
    X(T) X(B) X(C) X(S) \
    X(blank)          /* the class that is no label */ \
    X(threads)        /* at most so many */ \
    X(frame) X(example)    /* distances between frames and between examples of `logits`; classes are adjacent */ \
    X(dframe) X(dexample)  /* the same of `dlogits` */

#define UNROLLED_CTC_ARRAYS(X) \
    /* read by both directions */ \
    X(logits)         /* (T, B, C) */ \
    X(targets)        /* int64 (B, S) */ \
    X(input_lengths) X(target_lengths)  /* int64 (B) */ \
    /* written forward, read backward; entries past a length are neither written nor read */ \
    X(scales)         /* (B, T, 2): max_k x_k, 1 / Σ_k exp(x_k − max); or 0 */ \
    X(occupancies)    /* (B, T, S + 1): γ of the blank and of each label of the target; with `scales` */ \
    /* written forward */ \
    X(losses)         /* (B) */ \
    /* read backward */ \
    X(dlosses)        /* (B) */ \
    /* written backward */ \
    X(dlogits)        /* (T, B, C), zero past a length */

struct Ctc {
#define X(name) int64_t name = 0;
    UNROLLED_CTC_SIZES(X)
#undef X
#define X(name) void* name = nullptr;
    UNROLLED_CTC_ARRAYS(X)
#undef X
};

using CtcKernel = void (*)(const Ctc&);
