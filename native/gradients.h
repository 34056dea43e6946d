// What all steps owe together, once the gradients da of every step are known: products with as many rows as there are
// steps and lanes, by the panels of gemm.h.
//
//   transposed_product   C = Σ_k A[k]ᵀ B[k]: gradients by weights, summed over steps and lanes k
//   plain_product        C = A B: the gradient by the inputs
//
// A is da, (steps and lanes, planes of H). B's rows are found one by one, wherever they lie.
#pragma once

#include "gemm.h"
#include "team.h"

namespace ISA {

// Elements of a row that are multiplied before the next are fetched, and rows beside each other: a panel and its rows
// then stay in the second cache.
constexpr long kDeep = 256, kTall = 192;

// Planes of H numbers in a row of A, and which plane of C the first of them is.
struct Planes {
    long count, H, first;
    long place(long plane) const { return (plane + first) % count; }
};

// n numbers from column m on of row k of A, or of rows 2k and 2k + 1 as pairs; zeros beyond the terms.
template <class T>
INLINE void column(const T* A, long lda, long k, long terms, long m, int n, Vec<T>& to) {
    to = k < terms ? load(A + k * lda + m, n) : Vec<T>{};
}
INLINE void column(const float* A, long lda, long k, long terms, long m, int n, Lanes<float>::M& to) {
    Vec<float> even, odd;
    column(A, lda, 2 * k, terms, m, n, even);
    column(A, lda, 2 * k + 1, terms, m, n, odd);
    to = rounded(even) | rounded(odd) << 16;
}

// Columns [0, count) of some rows of A, as rows: to[m][k].
template <class T, class E>
static void transpose_columns(const T* A, long lda, long terms, long count, E* to, long ld) {
    constexpr int W = Lanes<T>::W;
    typename Element<E>::V block[W];
    for (long k = 0; k < Element<E>::depth(terms); k += W)
        for (long m = 0; m < count; m += W) {
            const int n = (int)min_(W, count - m);
#pragma GCC unroll 16
            for (int r = 0; r < W; r++) column(A, lda, k + r, terms, m, n, block[r]);
            transpose<W / 2, W>(block);
            for (int i = 0; i < n; i++) memcpy(to + (m + i) * ld + k, &block[i], sizeof block[i]);
        }
}

// One thread's memory, and that which all share.
template <class T, class E>
struct Desk {
    static constexpr long PW = 4 * Lanes<T>::W, terms = kDeep * 2 / Element<E>::depth(2), apart = kDeep * PW;
    E *panels, *rows;
    T* edge;  // what a panel that is wider than C is put into first
    static constexpr long rows_size = kTall * kDeep, edge_size = kTall * PW;
    // Two rows of panels over N columns, or as many as K terms take.
    static long panels_size(long K, long N) { return max_(2, blocks(K)) * ((N + PW - 1) / PW) * apart; }
    static long blocks(long K) { return (K + terms - 1) / terms; }

    // C [+]= A · panel, of which n columns are wanted.
    void multiply(long count, const E* A, long lda, const E* panel, long depth, T* C, long ldc, long n, bool add) const {
        constexpr int W = Lanes<T>::W;
        const E* const next = n > PW ? panel + apart : nullptr;
        if (n >= PW) return panel_product<4>(count, A, lda, panel, PW, depth, Tile<T>{C, ldc, W}, add, next);
        const Tile<T> to{edge, PW, W};
        switch ((n + W - 1) / W) {
            case 1: panel_product<1>(count, A, lda, panel, PW, depth, to, false, next); break;
            case 2: panel_product<2>(count, A, lda, panel, PW, depth, to, false, next); break;
            case 3: panel_product<3>(count, A, lda, panel, PW, depth, to, false, next); break;
            default: panel_product<4>(count, A, lda, panel, PW, depth, to, false, next);
        }
        for (long r = 0; r < count; r++)
            for (long j = 0; j < n; j += W) {
                const int some = (int)min_(W, n - j);
                const Vec<T> v = load(edge + r * PW + j);
                T* c = C + r * ldc + j;
                store(c, add ? load(c, some) + v : v, some);
            }
    }
};

// C (planes·H, N) = Σ_k A[k]ᵀ row(k) over K terms. Units are divided among the team, which packs B together.
template <class T, class E, class Row>
static void transposed_product(Team& team, int id, long& phase, const Desk<T, E>& desk, long K, const T* A, long lda,
                               Planes planes, Row row, long N, T* C) {
    using X = Element<E>;
    constexpr long PW = Desk<T, E>::PW, apart = Desk<T, E>::apart, most = Desk<T, E>::terms;
    const long wide = (N + PW - 1) / PW, H = planes.H;
    const long begin = share(H, id, team.size), end = share(H, id + 1, team.size);
    const long w0 = share(wide, id, team.size), w1 = share(wide, id + 1, team.size);
    if (K == 0)
        for (long p = 0; p < planes.count; p++) memset(C + (p * H + begin) * N, 0, (end - begin) * N * sizeof(T));
    bool other = false;  // of two rooms for panels: who is ahead packs where nobody reads any more
    for (long k0 = 0; k0 < K; k0 += most, other = !other) {
        const long terms = min_(most, K - k0), depth = X::depth(terms);
        E* const panels = desk.panels + other * wide * apart;
        const T* rows[most];
        for (long k = 0; w0 < w1 && k < terms; k++) rows[k] = row(k0 + k);
        pack_rows([&](long k) { return rows[k]; }, terms, N, panels, apart, w0, w1);
        team.wait(phase);
        for (long plane = 0; plane < planes.count; plane++)
            for (long unit = begin; unit < end; unit += kTall) {
                const long count = min_(kTall, end - unit);
                transpose_columns(A + k0 * lda + plane * H + unit, lda, terms, count, desk.rows, kDeep);
                T* to = C + (planes.place(plane) * H + unit) * N;
                for (long p = 0; p < wide; p++)
                    desk.multiply(count, desk.rows, kDeep, panels + p * apart, depth, to + p * PW, N, N - p * PW, k0 > 0);
            }
    }
    team.wait(phase);
}

// C (rows, N) = A (rows, planes·H) · B (planes·H, N). Rows are divided among the team, which packs B together.
template <class T, class E>
static void plain_product(Team& team, int id, long& phase, const Desk<T, E>& desk, long rows, const T* A, long lda,
                          Planes planes, const T* B, long N, T* C) {
    using X = Element<E>;
    constexpr long PW = Desk<T, E>::PW, apart = Desk<T, E>::apart, most = Desk<T, E>::terms;
    const long wide = (N + PW - 1) / PW, H = planes.H, K = planes.count * H, blocks = desk.blocks(K);
    for (long i = share(blocks * wide, id, team.size); i < share(blocks * wide, id + 1, team.size); i++) {
        const long k0 = i / wide * most, terms = min_(most, K - k0), p = i % wide;
        auto row = [&](long k) { return B + (planes.place((k0 + k) / H) * H + (k0 + k) % H) * N; };
        pack_rows(row, terms, N, desk.panels + (i - p) * apart, apart, p, p + 1);
    }
    team.wait(phase);
    const long end = share(rows, id + 1, team.size), ld = __is_same(E, T) ? lda : kDeep;
    for (long r = share(rows, id, team.size); r < end; r += kTall)
        for (long i = 0; i < blocks; i++) {
            const long count = min_(kTall, end - r), terms = min_(most, K - i * most);
            const E* a = desk.rows;
            if constexpr (__is_same(E, T))
                a = A + r * lda + i * most;
            else
                for (long j = 0; j < count; j++) pair_up(A + (r + j) * lda + i * most, terms, desk.rows + j * ld);
            for (long p = 0; p < wide; p++)
                desk.multiply(count, a, ld, desk.panels + (i * wide + p) * apart, X::depth(terms), C + r * N + p * PW, N,
                              N - p * PW, i > 0);
        }
    team.wait(phase);
}

}  // namespace ISA
