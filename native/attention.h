// The arguments of the attention kernels: the whole loop of a decoder, as `Sequence` is for recurrences.
//
// T steps, N rows, S source positions, B sentences, H units, G gates, A width of a key, V width of a value, C width of
// the memory, Y width of y. Unless noted, all arrays are contiguous, time or position first, of one type (float or
// double); a null address means absent. Python checks all arguments beforehand (kernels/attention.py).
#pragma once

#include <stdint.h>

#define UNROLLED_ATTENTION_SIZES(X) \
    X(T) X(N) X(S) X(B) X(H) X(A) \
    X(C)           /* 0 without looked */ \
    X(Q)           /* A, or A + 1 with a gate */ \
    X(threads)     /* at most so many */ \
    X(lstm)        /* the inner cell: LSTM instead of GRU */ \
    X(hard)        /* c_t is the memory at one location instead of the weighted mean; additive only */

#define UNROLLED_ATTENTION_ARRAYS(X) \
    /* read by both directions */ \
    X(keys)        /* (S, B, A) */ \
    X(values)      /* (S, B, V): V = G·H if additive, else H; additive: 0 where weight_u multiplies c_t in each step */ \
    X(looked)      /* (S, B, C): the memory itself, additive only */ \
    X(seen)        /* int64 (B): how many positions of a sentence there are, at least 1 */ \
    X(rows)        /* int64 (N): the sentence of each row; 0: row n has sentence n */ \
    X(lengths)     /* int64 (N): steps of each row */ \
    X(weight_hh)   /* (G·H, H) */ \
    X(weight_q)    /* (Q, H): W of (2), with a gate another row, w of (4g); there if additive, and only then */ \
    X(v)           /* (A): additive only */ \
    X(weight_u)    /* (G·H, F): the part of W_ih that sees u_{t-1}, F = H; additive without values: c_t, F = C */ \
    X(weight_s)    /* (H, H): the part of W_c that sees s_t; multiplicative only */ \
    X(h0) X(c0)    /* (N, H): before the first step */ \
    X(u0)          /* (N, H): multiplicative only */ \
    /* read forward */ \
    X(xg)          /* (T, N, G·H): W_ih x_t + b_ih */ \
    X(bias_hh)     /* (G·H) */ \
    X(bias_g)      /* (1): b of (4g); 0: no gate */ \
    X(draws)       /* (T, N): numbers in [0, 1) that decide the location, larger: the weighted mean; 0: the largest \
                      weight. Hard only */ \
    /* written forward, read backward */ \
    X(y)           /* (T, N, Y): s_t, additive [s_t; c_t] with Y = H + C; zero past an end */ \
    X(c)           /* (T, N, H): c of an LSTM */ \
    X(u)           /* (T, N, H): multiplicative only */ \
    X(a)           /* (T, N, S): the weights */ \
    X(mix)         /* (T, N, S): what multiplies the memory, with a gate or hard; 0: the weights */ \
    X(gates)       /* (T, N, 4, H): r, z, n, W_hn h + b_hn │ i, f, g, o; 0 keeps none */ \
    X(queries)     /* (T, N, Q): W s_{t-1}, with a gate w s_{t-1} + b, additive only; 0 keeps none */ \
    X(hn) X(cn) X(un) /* (N, H): after the last step */ \
    /* read backward */ \
    X(dy) X(du) X(da) /* as y, u and a */ \
    X(dhn) X(dcn) X(dun) \
    /* written backward */ \
    X(dxg)         /* (T, N, G·H): by what enters the gates */ \
    X(dhg)         /* (T, N, H): GRU, by W_hn h + b_hn */ \
    X(dq)          /* (T, N, Q): by the queries, additive only */ \
    X(dp)          /* (T, N, H): by what enters the tanh of (6'), multiplicative only */ \
    X(dkeys) X(dvalues) X(dlooked) X(dv) X(dh0) X(dc0) X(du0) /* as what they are gradients by */

struct Attention {
#define X(name) int64_t name = 0;
    UNROLLED_ATTENTION_SIZES(X)
#undef X
#define X(name) void* name = nullptr;
    UNROLLED_ATTENTION_ARRAYS(X)
#undef X
};

using AttentionKernel = void (*)(const Attention&);
