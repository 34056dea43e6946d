// The three formats of weights that are packed once (float32, bfloat16, int8) and the products of their elements; for
// generate.cpp and frozen.cpp.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "gemm.h"
#include "generation.h"

namespace ISA {

using V = Vec<float>;
using M = Lanes<float>::M;
constexpr int W = Lanes<float>::W;

// Multiplications of one step of one lane in a layer: `Layer` or `FrozenLayer`.
template <class L>
static double multiplications(const L& layer) {
    return double(layer.H) * (layer.I + layer.H) * (layer.kind ? layer.kind + 2 : 1);
}

INLINE M words(const char* p) {
    M v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE V as_float(M bits) {
    V v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

// S values of a row are adjacent in each 32-bit SIMD lane. add: sum + weights · inputs for S steps of k.

// The input of a product: a row of numbers for each stream.
template <class F>
struct Inputs {
    const typename F::Input* base;
    long ld;
    const float* scales;  // int8: the scale of each row
};

// Buffers for int8 inputs, one per thread.
struct Scratch {
    uint8_t* numbers;
    float* scales;
};

struct Float32 {
    using Input = float;
    using Sum = V;
    static constexpr int S = 1;
    static constexpr bool kExact = false;  // sums do not depend on their order
    INLINE V add(V sum, const char* w, const float* x) { return sum + load((const float*)w) * x[0]; }
    INLINE V value(V sum, const Matrix&, long, float) { return sum; }
    INLINE V start(const Matrix&, long) { return V{}; }
    static Inputs<Float32> inputs(const float* x, long ld, long, long, Scratch) { return {x, ld, nullptr}; }
};

// A bfloat16 is the upper half of a float: it becomes one by a shift. Sums and inputs are float.
struct Bfloat16 {
    using Input = float;
    using Sum = V;
    static constexpr int S = 2;
    static constexpr bool kExact = false;
    INLINE V add(V sum, const char* w, const float* x) {
        const M both = words(w);
        return sum + as_float(both << 16) * x[0] + as_float(both & (int32_t)0xffff0000) * x[1];
    }
    INLINE V value(V sum, const Matrix&, long, float) { return sum; }
    INLINE V start(const Matrix&, long) { return V{}; }
    static Inputs<Bfloat16> inputs(const float* x, long ld, long, long, Scratch) { return {x, ld, nullptr}; }
};

// Sums of the products of pairs of 16-bit integers: one 32-bit integer for each pair.
INLINE M pairs(M a, M b) {
#if defined(__AVX512BW__)
    return (M)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (M)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (M)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
    return ((a << 16) >> 16) * ((b << 16) >> 16) + (a >> 16) * (b >> 16);
#endif
}

// w ≈ scale_row · q, x ≈ scale_x · (u − 128) with u in 1 … 255:  Σ w·x ≈ scale_row · scale_x · (Σ q·u − 128 · Σ q).
struct Int8 {
    using Input = uint8_t;
    using Sum = M;
    static constexpr int S = 4;
    static constexpr bool kExact = true;
    INLINE M add(M sum, const char* w, const uint8_t* x) {
        int32_t four;
        memcpy(&four, x, 4);
        const M inputs = M{} + four, weights = words(w);
#if defined(__AVX512VNNI__)
        return (M)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)inputs, (__m512i)weights);
#else
        typedef int16_t Half __attribute__((vector_size(UNROLLED_VECTOR_BYTES)));
        const Half q = (Half)weights;
        return sum + pairs((M)((q << 8) >> 8), inputs & 0x00ff00ff) + pairs((M)(q >> 8), (inputs >> 8) & 0x00ff00ff);
#endif
    }
    INLINE V value(M sum, const Matrix& m, long at, float scale) {
        return __builtin_convertvector(sum, V) * (load((const float*)m.scales + at) * scale);
    }
    INLINE M start(const Matrix& m, long at) { return words((const char*)m.offsets + at * 4); }

    // Quantize each row to multiples of its largest magnitude / 127. A row with NaN or infinity has NaN as its scale.
    static Inputs<Int8> inputs(const float* x, long ld, long rows, long depth, Scratch to) {
        typedef uint8_t Bytes __attribute__((vector_size(W)));
        const V magic = fill(12582912.f);  // 1.5·2^23: adding it rounds to an integer in the lowest bits
        for (long b = 0; b < rows; b++) {
            const float* row = x + b * ld;
            V most = {}, unusual = {};  // NaN if the row has a number that is not finite
            for (long k = 0; k < depth; k += W) {
                const V v = load(row + k), magnitude = v < 0.f ? -v : v;
                most = magnitude > most ? magnitude : most;
                unusual += v * 0.f;
            }
            float largest = 0;
            for (int j = 0; j < W; j++) largest = most[j] > largest ? most[j] : largest;
            const float up = largest > 0 ? 127.f / largest : 0.f;
            for (long k = 0; k < depth; k += W) {
                const V rounded = load(row + k) * up + magic;
                M bits;
                memcpy(&bits, &rounded, sizeof bits);
                const Bytes u = __builtin_convertvector(bits - (0x4B400000 - 128), Bytes);
                memcpy(to.numbers + b * depth + k, &u, sizeof u);
            }
            to.scales[b] = largest / 127.f + sum<float>(unusual);
        }
        return {to.numbers, depth, to.scales};
    }
};

}  // namespace ISA
