// Products of a few rows with a weight matrix, as a recurrence needs them at every step; products.h is for many rows.
//
// A "panel" is a strip of the weights as wide as the accumulators: NR vectors for every k, so that MR rows × NR
// vectors of sums stay in registers while k runs. There are two forms with the same sums:
//   panel_product   weights read across (for each k, NR vectors): packed panels, or an unpacked matrix
//   strip_product   weights as torch stores them, transposed in registers: no packing, for a few rows
// dot_product has sums in another order; only attention uses it.
#pragma once

#include "simd.h"

namespace ISA {

constexpr long min_(long a, long b) { return a < b ? a : b; }
constexpr long max_(long a, long b) { return a > b ? a : b; }
constexpr long round_up(long n, long to) { return (n + to - 1) / to * to; }
constexpr long share(long n, int part, int parts) { return n * part / parts; }

constexpr long kFewSteps = 2;  // calls of at most so many steps are in float32, in whatever batch: pairs would not pay

// Two bfloat16, the elements 2k and 2k + 1 of a row, in one SIMD lane. Their products are added in float32.
struct Pair {
    uint32_t bits;
};

// The elements of a product's operands: numbers, or pairs of bfloat16.
template <class E>
struct Element {
    using Sum = E;
    using V = Vec<E>;
    static constexpr long depth(long numbers) { return numbers; }
    static inline __attribute__((always_inline)) V get(const E* p) { return load(p); }
    static inline __attribute__((always_inline)) V spread(E x) { return fill(x); }
    static inline __attribute__((always_inline)) V add_product(V sum, V a, V b) { return sum + a * b; }
};
template <>
struct Element<Pair> {
    using Sum = float;
    using V = Lanes<float>::M;
    static constexpr long depth(long numbers) { return (numbers + 1) / 2; }
    static inline __attribute__((always_inline)) V get(const Pair* p) {
        V v;
        memcpy(&v, p, sizeof v);
        return v;
    }
    static inline __attribute__((always_inline)) V spread(Pair x) { return V{} + (int32_t)x.bits; }
    static inline __attribute__((always_inline)) Vec<float> add_product(Vec<float> sum, V a, V b) {
#if defined(__AVX512BF16__)
        return (Vec<float>)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
        const V high = V{} + (int32_t)0xffff0000;
        return sum + (Vec<float>)(a << 16) * (Vec<float>)(b << 16) + (Vec<float>)(a & high) * (Vec<float>)(b & high);
#endif
    }
};

// The bits of the nearest bfloat16, ties to even.
INLINE Lanes<float>::M rounded(Vec<float> v) {
    using M = Lanes<float>::M;
    const M bits = (M)v, up = bits + 0x7fff + ((bits >> 16) & 1);
    return ((v != v ? bits | 0x400000 : up) >> 16) & 0xffff;
}

INLINE void store_pairs(Pair* to, Vec<float> even, Vec<float> odd) {
    const Lanes<float>::M bits = rounded(even) | rounded(odd) << 16;
    memcpy(to, &bits, sizeof bits);
}

// A row of numbers as pairs.
INLINE void pair_up(const float* from, long numbers, Pair* to) {
    constexpr int W = Lanes<float>::W;
    typedef uint16_t Shorts __attribute__((vector_size(2 * W)));
    uint16_t* out = (uint16_t*)to;
    for (long k = 0; k < numbers; k += W) {
        const int n = (int)min_(W, numbers - k);
        const Shorts s = __builtin_convertvector(rounded(load(from + k, n)), Shorts);
        memcpy(out + k, &s, n * sizeof(uint16_t));
    }
    if (numbers % 2) out[numbers] = 0;
}

// The destination of a product: element (row, vector j, lane) is at base + row·ld + j·step + lane.
template <class T>
struct Tile {
    T* base;
    long ld, step;
    Tile at(long row) const { return {base + row * ld, ld, step}; }
};

template <int MR, int NR, class E, class T>
INLINE void panel_rows(const E* A, long lda, const E* P, long ldp, long K, Tile<T> C, bool add, const char* ahead) {
    constexpr int W = Lanes<T>::W;
    using X = Element<E>;
    Vec<T> acc[MR][NR];  // one sum each, over k in order: a row's bits do not depend on the rows beside it
    for (int r = 0; r < MR; r++)
        for (int j = 0; j < NR; j++) acc[r][j] = Vec<T>{};
    for (long k = 0; k < K; k++) {
        const E* p = P + k * ldp;
        __builtin_prefetch(ahead + k * 64, 0, 2);
        typename X::V b[NR];
#pragma GCC unroll 4
        for (int j = 0; j < NR; j++) b[j] = X::get(p + j * W);
#pragma GCC unroll 8
        for (int r = 0; r < MR; r++) {
            const typename X::V a = X::spread(A[r * lda + k]);
#pragma GCC unroll 4
            for (int j = 0; j < NR; j++) acc[r][j] = X::add_product(acc[r][j], a, b[j]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++)
#pragma GCC unroll 4
        for (int j = 0; j < NR; j++) {
            T* c = C.base + r * C.ld + j * C.step;
            store(c, add ? load(c) + acc[r][j] : acc[r][j]);
        }
}

// C = [C +] A·P for `rows` rows and one panel. `next` is the following panel, which is prefetched (if there is none,
// arbitrary lines: a branch in the innermost loop would cost more than a useless prefetch).
template <int NR, class E, class T>
static void by_vectors(long rows, const E* A, long lda, const E* P, long ldp, long K, Tile<T> C, bool add,
                       const E* next) {
    constexpr int MR = UNROLLED_ACCUMULATORS / NR < 8 ? UNROLLED_ACCUMULATORS / NR : 8;  // as many as the cases below
    const long blocks = (rows + MR - 1) / MR;
    const long lines = K * NR * Lanes<T>::W * sizeof(T) / 64, quarter = K * 64;  // a block fetches a line for every k
    for (long i = 0; i < blocks; i++) {
        const long r = rows * i / blocks;
        const char* ahead = next && (i + 1) * K <= lines ? (const char*)next + i * quarter : (const char*)A;
        const E* a = A + r * lda;
        const Tile<T> c = C.at(r);
        switch (rows * (i + 1) / blocks - r) {
#define ROWS(M) \
    case M: \
        if constexpr (M <= MR) panel_rows<(M <= MR ? M : 1), NR>(a, lda, P, ldp, K, c, add, ahead); \
        break;
            ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) ROWS(7) ROWS(8)
#undef ROWS
        }
    }
}

template <int NR, class E, class T>
static void panel_product(long rows, const E* A, long lda, const E* P, long ldp, long K, Tile<T> C, bool add,
                          const E* next) {
    by_vectors<NR>(rows, A, lda, P, ldp, K, C, add, next);
}

// ---- the matrix unit (AMX) ----
//
// Its eight tiles have up to 16 rows of 64 bytes. 32 rows by two vectors of sums occupy four tiles (0 1 over 2 3); 16 pairs
// of each of these rows two (4 over 5), and the panel's vectors, already in the required order, two (6 7).

#if defined(__AMX_BF16__)
constexpr bool kMatrixUnit = true;
constexpr long kTile = 16;
static thread_local long tile_rows = 0;  // the rows for which this thread's tiles are configured

INLINE void shape_tiles(long rows) {
    if (rows == tile_rows) return;
    struct alignas(64) {
        uint8_t palette = 1, start = 0, reserved[14] = {};
        uint16_t bytes[16] = {};
        uint8_t rows[16] = {};
    } shape;
    const long upper = min_(kTile, rows), of[8] = {upper, upper, rows - upper, rows - upper, upper, rows - upper, kTile, kTile};
    for (int tile = 0; tile < 8; tile++) {
        shape.rows[tile] = (uint8_t)of[tile];
        shape.bytes[tile] = of[tile] ? 64 : 0;
    }
    asm volatile("" : : "r"(&shape) : "memory");  // GCC's intrinsics do not say what they read
    _tile_loadconfig(&shape);
    tile_rows = rows;
}

// Columns: 1 or 2 vectors; lower: whether there are more than 16 rows. K is a multiple of 16.
template <int Columns, bool lower>
INLINE void by_tiles(const Pair* A, long lda, const Pair* P, long ldp, long K, Tile<float> C, bool add) {
    const long in_c = C.ld * sizeof(float), in_a = lda * sizeof(Pair), in_p = ldp * sizeof(Pair);
    float *const c = C.base, *const below = c + kTile * C.ld;
    asm volatile("" : : : "memory");
    if (add) {
        _tile_loadd(0, c, in_c);
        if (Columns > 1) _tile_loadd(1, c + C.step, in_c);
        if (lower) _tile_loadd(2, below, in_c);
        if (lower && Columns > 1) _tile_loadd(3, below + C.step, in_c);
    } else {
        _tile_zero(0);
        if (Columns > 1) _tile_zero(1);
        if (lower) _tile_zero(2);
        if (lower && Columns > 1) _tile_zero(3);
    }
    for (long k = 0; k < K; k += kTile) {
        const Pair* p = P + k * ldp;
        _tile_loadd(6, p, in_p);
        _tile_loadd(4, A + k, in_a);
        _tile_dpbf16ps(0, 4, 6);
        if (Columns > 1) {
            _tile_loadd(7, p + kTile, in_p);
            _tile_dpbf16ps(1, 4, 7);
        }
        if (lower) {
            _tile_loadd(5, A + kTile * lda + k, in_a);
            _tile_dpbf16ps(2, 5, 6);
            if (Columns > 1) _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, c, in_c);
    if (Columns > 1) _tile_stored(1, c + C.step, in_c);
    if (lower) _tile_stored(2, below, in_c);
    if (lower && Columns > 1) _tile_stored(3, below + C.step, in_c);
}

template <int NR>
static void panel_product(long rows, const Pair* A, long lda, const Pair* P, long ldp, long K, Tile<float> C, bool add,
                          const Pair* next) {
    const long whole = K / kTile * kTile;
    for (long r = 0; whole && r < rows; r += 2 * kTile) {
        const long n = min_(2 * kTile, rows - r);
        shape_tiles(n);
        for (int j = 0; j < NR; j += 2) {
            const Pair *a = A + r * lda, *p = P + j * kTile;
            const Tile<float> c = {C.base + r * C.ld + j * C.step, C.ld, C.step};
            if (j + 1 < NR)
                n > kTile ? by_tiles<2, true>(a, lda, p, ldp, whole, c, add) : by_tiles<2, false>(a, lda, p, ldp, whole, c, add);
            else
                n > kTile ? by_tiles<1, true>(a, lda, p, ldp, whole, c, add) : by_tiles<1, false>(a, lda, p, ldp, whole, c, add);
        }
    }
    if (!whole || whole < K)
        by_vectors<NR>(rows, A + whole, lda, P + whole * ldp, ldp, K - whole, C, add || whole, next);
}
#else
constexpr bool kMatrixUnit = false;
#endif

// Releases a thread's tiles at the end of its products in a call; the next user configures its own.
struct Products {
#if defined(__AMX_BF16__)
    Products() { tile_rows = 0; }
    ~Products() {
        if (tile_rows) _tile_release();
    }
#endif
};

// c[r·ldc + o] = Σ_k A[r][k]·W[o][k] for outputs o in [0, outputs): dot products along the rows of W.
template <int MR, int NO, class T>
INLINE void dot_rows(const T* A, long lda, const T* W_, long ldw, long K, T* c, long ldc) {
    constexpr int W = Lanes<T>::W;
    Vec<T> acc[MR][NO];
    for (int r = 0; r < MR; r++)
        for (int o = 0; o < NO; o++) acc[r][o] = Vec<T>{};
    long k = 0;
    for (; k + W <= K; k += W) {
        Vec<T> a[MR];
#pragma GCC unroll 4
        for (int r = 0; r < MR; r++) a[r] = load(A + r * lda + k);
#pragma GCC unroll 8
        for (int o = 0; o < NO; o++) {
            const Vec<T> w = load(W_ + o * ldw + k);
            __builtin_prefetch(W_ + (NO + o) * ldw + k);  // rows are too short for the hardware prefetcher
#pragma GCC unroll 4
            for (int r = 0; r < MR; r++) acc[r][o] += a[r] * w;
        }
    }
    if (k < K)
        for (int r = 0; r < MR; r++)
            for (int o = 0; o < NO; o++) acc[r][o] += load(A + r * lda + k, K - k) * load(W_ + o * ldw + k, K - k);
    for (int r = 0; r < MR; r++)
        for (int o = 0; o < NO; o++) c[r * ldc + o] = sum<T>(acc[r][o]);
}

template <int MR, class T>
static void dot_block(const T* A, long lda, const T* W_, long ldw, long outputs, long K, T* c, long ldc) {
    constexpr int NO = MR <= 2 ? 8 / MR : UNROLLED_ACCUMULATORS >= 24 ? 4 : 2;
    long o = 0;
    for (; o + NO <= outputs; o += NO) dot_rows<MR, NO>(A, lda, W_ + o * ldw, ldw, K, c + o, ldc);
    for (; o < outputs; o++) dot_rows<MR, 1>(A, lda, W_ + o * ldw, ldw, K, c + o, ldc);
}

template <class T>
static void dot_product(long rows, const T* A, long lda, const T* W_, long ldw, long outputs, long K, T* c, long ldc) {
    long r = 0;
    for (; r + 4 <= rows; r += 4) dot_block<4>(A + r * lda, lda, W_, ldw, outputs, K, c + r * ldc, ldc);
    if (r + 3 == rows) return dot_block<3>(A + r * lda, lda, W_, ldw, outputs, K, c + r * ldc, ldc);
    if (r + 2 <= rows) dot_block<2>(A + r * lda, lda, W_, ldw, outputs, K, c + r * ldc, ldc);
    r += r + 2 <= rows ? 2 : 0;
    if (r < rows) dot_block<1>(A + r * lda, lda, W_, ldw, outputs, K, c + r * ldc, ldc);
}

// ---- packing -----------------------------------------------------------------------------------------------------

// The numbers 0 … N − 1 as a type.
template <int... Lane>
struct Lanes_ {};
template <int N, int... Lane>
struct Counted : Counted<N - 1, N - 1, Lane...> {};
template <int... Lane>
struct Counted<0, Lane...> {
    using Type = Lanes_<Lane...>;
};

// Exchange blocks of S lanes between rows a and b at distance S, as in a matrix transpose.
template <int S, class V, int... L>
INLINE void exchange(V& a, V& b, Lanes_<L...>) {
    constexpr int W = sizeof...(L);
    const V first = __builtin_shufflevector(a, b, (L & S ? W + L - S : L)...);
    b = __builtin_shufflevector(a, b, (L & S ? W + L : L + S)...);
    a = first;
}
template <int S, int W, class V>
INLINE void transpose(V* rows) {
    if constexpr (S > 0) {
#pragma GCC unroll 16
        for (int i = 0; i < W; i++)
            if (!(i & S)) exchange<S>(rows[i], rows[i + S], typename Counted<W>::Type{});
        transpose<S / 2, W>(rows);
    }
}

// W numbers, or pairs of numbers, of a row; zeros from n on.
template <class T>
INLINE void lanes_of(const T* from, long n, Vec<T>& to) {
    to = n > 0 ? load(from, (int)min_(Lanes<T>::W, n)) : Vec<T>{};
}
INLINE void lanes_of(const float* from, long n, Lanes<float>::M& to) {
    constexpr int W = Lanes<float>::W;
    typedef uint16_t Shorts __attribute__((vector_size(2 * W)));
    Vec<float> first, second;
    lanes_of(from, n, first);
    lanes_of(from + W, n - W, second);
    const Shorts both[2] = {__builtin_convertvector(rounded(first), Shorts), __builtin_convertvector(rounded(second), Shorts)};
    memcpy(&to, both, sizeof to);
}

// A strip of K numbers of up to W rows → for each k, or pair of k, the W rows as one vector.
template <class T, class E>
INLINE void pack_strip(const T* from, long ld, long rows, long K, E* to, long ldt) {
    constexpr int W = Lanes<T>::W;
    constexpr long step = 2 * W / Element<E>::depth(2);  // numbers in W elements
    typename Element<E>::V block[W];
    for (long k = 0; k < K; k += step) {
#pragma GCC unroll 16
        for (int r = 0; r < W; r++) lanes_of(from + r * ld + k, r < rows ? K - k : 0, block[r]);
        transpose<W / 2, W>(block);
        const long some = min_(W, Element<E>::depth(K - k));
        for (long i = 0; i < some; i++) memcpy(to + (Element<E>::depth(k) + i) * ldt, &block[i], sizeof block[i]);
    }
}

// Panels of a (gates·H, K) matrix whose product is read unit by unit: [panel][k][gate·Q + q][W] holds the weight of
// unit (panel·Q + q)·W + lane of that gate; units beyond H are zero. Panels [begin, end).
template <int G, int Q, class T, class E>
static void pack_gates(const T* weight, long H, long K, E* packed, long begin, long end) {
    constexpr int W = Lanes<T>::W, NR = G * Q;
    using X = Element<E>;
    for (long panel = begin; panel < end; panel++)
        for (int g = 0; g < G; g++)
            for (int q = 0; q < Q; q++) {
                const long unit = (panel * Q + q) * W, rows = max_(0, min_(W, H - unit));
                E* to = packed + panel * X::depth(K) * NR * W + (g * Q + q) * W;
                pack_strip(weight + (g * H + unit) * K, K, rows, K, to, NR * W);
            }
}

// One panel, the columns from `first` on, of the K rows row(k) of N numbers, read across: [k][4·W]. A null row means zeros;
// columns beyond N are zero.
template <class T, class Row>
static void pack_panel(Row row, long K, long first, long N, T* to) {
    constexpr int W = Lanes<T>::W;
    for (long k = 0; k < K; k++)
        for (long n = first; n < first + 4 * W; n += W, to += W) {
            const T* from = row(k);
            store(to, from && n < N ? load(from + n, (int)min_(W, N - n)) : Vec<T>{});
        }
}
template <class Row>
static void pack_panel(Row row, long K, long first, long N, Pair* to) {
    constexpr int W = Lanes<float>::W;
    auto some = [&](long k, long n) {
        const float* from = k < K ? row(k) : nullptr;
        return from && n < N ? load(from + n, (int)min_(W, N - n)) : Vec<float>{};
    };
    for (long k = 0; k < K; k += 2)
        for (long n = first; n < first + 4 * W; n += W, to += W) store_pairs(to, some(k, n), some(k + 1, n));
}

// Panels of a (K, N) matrix read across: [panel][k][4·W]. Panels [begin, end).
template <class T, class E>
static void pack_across(const T* weight, long K, long N, E* packed, long begin, long end) {
    constexpr long PW = 4 * Lanes<T>::W;
    for (long p = begin; p < end; p++)
        pack_panel([=](long k) { return weight + k * N; }, K, p * PW, N, packed + p * Element<E>::depth(K) * PW);
}

// ---- products without packing ----------------------------------------------------------------------------------

// Up to W outputs: rows `from` of the weights, of which n exist, and where the sums of the first row of A go.
template <class T>
struct Strip {
    const T* from;
    long n;
    T* to;
};

// to[r·ldc + o] [+]= Σ_k A[r][k]·from[o][k] for MR rows of A and N strips, whose sums are computed in turns.
template <int MR, int N, class T>
INLINE void strip_rows(const T* A, long lda, const Strip<T>* strips, long ldw, long K, long ldc, bool add) {
    constexpr int W = Lanes<T>::W;
    Vec<T> acc[N][MR];
    for (int s = 0; s < N; s++)
        for (int r = 0; r < MR; r++) acc[s][r] = Vec<T>{};
    for (long k = 0; k < K; k += W) {
        const int some = (int)min_(W, K - k);
#pragma GCC unroll 4
        for (int s = 0; s < N; s++) {
            Vec<T> block[W];
            const T* from = strips[s].from + k;
            if (some == W && strips[s].n >= W) {
#pragma GCC unroll 16
                for (int o = 0; o < W; o++) {
                    block[o] = load(from + o * ldw);
                    __builtin_prefetch(from + (W + o) * ldw);  // rows are too short for the hardware prefetcher
                }
            } else {
                for (int o = 0; o < W; o++) block[o] = o < strips[s].n ? load(from + o * ldw, some) : Vec<T>{};
            }
            transpose<W / 2, W>(block);
            if (some == W) {
#pragma GCC unroll 16
                for (int i = 0; i < W; i++)
#pragma GCC unroll 4
                    for (int r = 0; r < MR; r++) acc[s][r] += fill(A[r * lda + k + i]) * block[i];
            } else {
                for (int i = 0; i < some; i++)
                    for (int r = 0; r < MR; r++) acc[s][r] += fill(A[r * lda + k + i]) * block[i];
            }
        }
    }
    for (int s = 0; s < N; s++)
        for (int r = 0; r < MR; r++) {
            T* to = strips[s].to + r * ldc;
            const int some = (int)min_(W, strips[s].n);
            store(to, add ? load(to, some) + acc[s][r] : acc[s][r], some);
        }
}

template <int MR, class T>
static void strip_block(const T* A, long lda, const Strip<T>* strips, long count, long ldw, long K, long ldc, bool add) {
    constexpr int N = MR <= 2 ? 4 : 2;
    long s = 0;
    for (; s + N <= count; s += N) strip_rows<MR, N>(A, lda, strips + s, ldw, K, ldc, add);
    for (; s < count; s++) strip_rows<MR, 1>(A, lda, strips + s, ldw, K, ldc, add);
}

// The sums of panel_product, bit by bit, for a few rows of A; `strips` are changed.
template <class T>
static void strip_product(long rows, const T* A, long lda, Strip<T>* strips, long count, long ldw, long K, long ldc, bool add) {
    for (long r = 0; r < rows; r += 4) {
        const T* a = A + r * lda;
        switch (min_(4, rows - r)) {
            case 1: strip_block<1>(a, lda, strips, count, ldw, K, ldc, add); break;
            case 2: strip_block<2>(a, lda, strips, count, ldw, K, ldc, add); break;
            case 3: strip_block<3>(a, lda, strips, count, ldw, K, ldc, add); break;
            default: strip_block<4>(a, lda, strips, count, ldw, K, ldc, add);
        }
        for (long s = 0; s < count; s++) strips[s].to += 4 * ldc;
    }
}

// The same for adjacent outputs: c[r·ldc + o] [+]= Σ_k A[r][k]·W[o][k].
template <class T>
static void strip_product(long rows, const T* A, long lda, const T* W_, long ldw, long outputs, long K, T* c, long ldc,
                          bool add) {
    constexpr long W = Lanes<T>::W, together = 4;
    for (long o = 0; o < outputs; o += together * W) {
        Strip<T> strips[together];
        long count = 0;
        for (long at = o; count < together && at < outputs; at += W)
            strips[count++] = {W_ + at * ldw, min_(W, outputs - at), c + at};
        strip_product(rows, A, lda, strips, count, ldw, K, ldc, add);
    }
}

}  // namespace ISA
