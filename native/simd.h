// SIMD vectors of the instruction set this file is compiled for, written with the compilers' vector extension.
//
// ISA is the name of the instruction set and of the namespace of all code here, so that code compiled for one set is
// never linked into another. Templates of the standard library must not be used here: the linker merges their weak
// symbols across sets.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#ifndef ISA
#error "compile with -DISA=portable, avx2 or avx512"
#endif

#if defined(__AVX512F__)
#define UNROLLED_VECTOR_BYTES 64
#define UNROLLED_ACCUMULATORS 24  // of 32 registers: the rest hold the panel's vectors and one broadcast
#elif defined(__AVX2__)
#define UNROLLED_VECTOR_BYTES 32
#define UNROLLED_ACCUMULATORS 12  // of 16
#else
#define UNROLLED_VECTOR_BYTES 16
#define UNROLLED_ACCUMULATORS 12
#endif

#define INLINE static inline __attribute__((always_inline))
#define MEMBER inline __attribute__((always_inline))

namespace ISA {

// The properties of a vector of T: its type V, integers of the same width, number of lanes W.
template <class T>
struct Lanes;
template <>
struct Lanes<float> {
    typedef float V __attribute__((vector_size(UNROLLED_VECTOR_BYTES)));
    typedef int32_t M __attribute__((vector_size(UNROLLED_VECTOR_BYTES)));
    static constexpr int W = UNROLLED_VECTOR_BYTES / 4;
};
template <>
struct Lanes<double> {
    typedef double V __attribute__((vector_size(UNROLLED_VECTOR_BYTES)));
    typedef int64_t M __attribute__((vector_size(UNROLLED_VECTOR_BYTES)));
    static constexpr int W = UNROLLED_VECTOR_BYTES / 8;
};
template <class T>
using Vec = typename Lanes<T>::V;

template <class T>
INLINE Vec<T> load(const T* p) {
    Vec<T> v;
    memcpy(&v, p, sizeof v);
    return v;
}
template <class T>
INLINE void store(T* p, Vec<T> v) {
    memcpy(p, &v, sizeof v);
}
template <class T>
INLINE Vec<T> fill(T x) {
    return x - Vec<T>{};  // x − 0 is x, also for −0: the compiler drops the subtraction
}

// Load or store the first n lanes, n ≤ W; the others are zero, and their memory is not accessed.
#if defined(__AVX512F__)
INLINE Vec<float> some(const float* p, int n) { return (Vec<float>)_mm512_maskz_loadu_ps((1u << n) - 1, p); }
INLINE Vec<double> some(const double* p, int n) { return (Vec<double>)_mm512_maskz_loadu_pd((1u << n) - 1, p); }
INLINE void some(float* p, Vec<float> v, int n) { _mm512_mask_storeu_ps(p, (1u << n) - 1, (__m512)v); }
INLINE void some(double* p, Vec<double> v, int n) { _mm512_mask_storeu_pd(p, (1u << n) - 1, (__m512d)v); }
#elif defined(__AVX2__)
INLINE __m256i first(int n) {  // all bits of the first n of 8 lanes
    const Lanes<float>::M lane = {0, 1, 2, 3, 4, 5, 6, 7};
    return (__m256i)(lane < n);
}
INLINE Vec<float> some(const float* p, int n) { return (Vec<float>)_mm256_maskload_ps(p, first(n)); }
INLINE Vec<double> some(const double* p, int n) {
    return (Vec<double>)_mm256_castps_pd(_mm256_maskload_ps((const float*)p, first(2 * n)));
}
INLINE void some(float* p, Vec<float> v, int n) { _mm256_maskstore_ps(p, first(n), (__m256)v); }
INLINE void some(double* p, Vec<double> v, int n) {
    _mm256_maskstore_ps((float*)p, first(2 * n), _mm256_castpd_ps((__m256d)v));
}
#else
template <class T>
INLINE Vec<T> some(const T* p, int n) {
    Vec<T> v = {};
    for (int j = 0; j < n; j++) v[j] = p[j];
    return v;
}
template <class T>
INLINE void some(T* p, Vec<T> v, int n) {
    for (int j = 0; j < n; j++) p[j] = v[j];
}
#endif
template <class T>
INLINE Vec<T> load(const T* p, int n) {
    return __builtin_expect(n == Lanes<T>::W, 1) ? load(p) : some(p, n);
}
template <class T>
INLINE void store(T* p, Vec<T> v, int n) {
    if (__builtin_expect(n == Lanes<T>::W, 1)) return store(p, v);
    some(p, v, n);
}

// The sum of the lanes, by pairwise summation.
template <class T, int Bytes>
INLINE T sum_(const void* p) {
    if constexpr (Bytes == sizeof(T)) {
        return *(const T*)p;
    } else {
        typedef T Half __attribute__((vector_size(Bytes / 2)));
        Half low, high;
        memcpy(&low, p, Bytes / 2);
        memcpy(&high, (const char*)p + Bytes / 2, Bytes / 2);
        low += high;
        return sum_<T, Bytes / 2>(&low);
    }
}
template <class T>
INLINE T sum(Vec<T> v) {
    return sum_<T, UNROLLED_VECTOR_BYTES>(&v);
}

#if defined(__AVX512F__)
// 1/x for x that is neither 0, infinite nor denormal: the processor's estimate to 14 bits and one step of Newton's
// method, accurate to 1 or 2 ulp, three times as fast as a division.
INLINE Vec<float> reciprocal(Vec<float> x) {
    const Vec<float> estimate = (Vec<float>)_mm512_rcp14_ps((__m512)x);
    return estimate * (2.f - x * estimate);
}
#else
INLINE Vec<float> reciprocal(Vec<float> x) { return 1.f / x; }
#endif

// ---- exp, sigmoid and tanh ------------------------------------------------------------------------------------
// float: within 2 ulp of the result (tanh, exp) or of 1 (sigmoid); NaN stays NaN.

// e^r for |r| ≤ ln 2 / 2, a polynomial of degree 6 (Cephes, expf).
INLINE Vec<float> exp_near_0(Vec<float> r) {
    Vec<float> p = fill(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return p * (r * r) + (r + 1.f);
}

// e^x = 2^n · e^r with n = round(x / ln 2)
INLINE Vec<float> exp_(Vec<float> x) {
    using M = Lanes<float>::M;
    const Vec<float> low = fill(-87.3f), high = fill(88.3f), magic = fill(12582912.f);  // 1.5·2^23 rounds to even
    Vec<float> clipped = x < low ? low : x;
    clipped = clipped > high ? high : clipped;
    const Vec<float> n = (clipped * 1.44269504088896341f + magic) - magic;
    Vec<float> r = clipped - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    const Vec<float> p = exp_near_0(r);
    const M exponent = (__builtin_convertvector(n, M) + 127) << 23;
    Vec<float> scale;
    memcpy(&scale, &exponent, sizeof scale);
    return p * scale;
}
INLINE Vec<float> sigmoid(Vec<float> x) { return reciprocal(1.f + exp_(-x)); }

// A rational minimax approximation on [-7.9, 7.9], exact to rounding near 0, where x − x³/3 counts.
INLINE Vec<float> tanh_(Vec<float> x) {
    const Vec<float> low = fill(-7.90531110763549805f), high = fill(7.90531110763549805f);
    x = x < low ? low : x;
    x = x > high ? high : x;
    const Vec<float> s = x * x;
    Vec<float> p = fill(-2.76076847742355e-16f);
    p = p * s + 2.00018790482477e-13f;
    p = p * s + -8.60467152213735e-11f;
    p = p * s + 5.12229709037114e-08f;
    p = p * s + 1.48572235717979e-05f;
    p = p * s + 6.37261928875436e-04f;
    p = p * s + 4.89352455891786e-03f;
    Vec<float> q = fill(1.19825839466702e-06f);
    q = q * s + 1.18534705686654e-04f;
    q = q * s + 2.26843463243900e-03f;
    q = q * s + 4.89352518554385e-03f;
    return x * p * reciprocal(q);
}

// double is used for gradient checks: the functions of the math library, lane by lane.
INLINE Vec<double> exp_(Vec<double> x) {
    for (int j = 0; j < Lanes<double>::W; j++) x[j] = exp(x[j]);
    return x;
}
INLINE Vec<double> exp_near_0(Vec<double> r) { return exp_(r); }
INLINE Vec<double> tanh_(Vec<double> x) {
    for (int j = 0; j < Lanes<double>::W; j++) x[j] = tanh(x[j]);
    return x;
}
INLINE Vec<double> sigmoid(Vec<double> x) { return 1.0 / (1.0 + exp_(-x)); }

}  // namespace ISA
