// Products over many steps at once, by the panels of gemm.h, with one row for each step and lane.
//
//   packed_product       C = A B: the contribution of the inputs to the gates, and the gradient of the inputs
//   transposed_product   C = Σ_k A[k]ᵀ B[k]: gradients of the weights, summed over steps and lanes k
#pragma once

#include "gemm.h"
#include "team.h"

namespace ISA {

// Block sizes: elements of a row, and rows. A panel and its rows then fit into the L2 cache.
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

// The buffers of each thread, and the shared ones.
template <class T, class E>
struct Desk {
    static constexpr long PW = 4 * Lanes<T>::W, terms = kDeep * 2 / Element<E>::depth(2), apart = kDeep * PW;
    E *panels, *rows;
    T* edge;  // temporary destination of a panel that is wider than C
    static constexpr long rows_size = kTall * kDeep, edge_size = kTall * PW;
    static long panels_size(long N) { return 2 * ((N + PW - 1) / PW) * apart; }  // over N columns
    static long blocks(long K) { return (K + terms - 1) / terms; }

    // C [+]= A · panel, the first n columns.
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

// C (planes·H, N), with leading dimension ldc, [+]= Σ_k A[k]ᵀ row(k) over K terms. Units are divided among the threads of
// the team, which pack B together.
template <class T, class E, class Row>
static void transposed_product(Team& team, int id, Turn& phase, const Desk<T, E>& desk, long K, const T* A, long lda,
                               Planes planes, Row row, long N, T* C, long ldc, bool add) {
    using X = Element<E>;
    constexpr long PW = Desk<T, E>::PW, apart = Desk<T, E>::apart, most = Desk<T, E>::terms;
    const long wide = (N + PW - 1) / PW, H = planes.H;
    const long begin = share(H, id, team.size), end = share(H, id + 1, team.size);
    const long w0 = share(wide, id, team.size), w1 = share(wide, id + 1, team.size);
    for (long r = begin; K == 0 && !add && r < end; r++)
        for (long p = 0; p < planes.count; p++) memset(C + (p * H + r) * ldc, 0, N * sizeof(T));
    bool other = false;  // double buffering: a thread that is ahead packs into the buffer that is no longer read
    for (long k0 = 0; k0 < K; k0 += most, other = !other) {
        const long terms = min_(most, K - k0), depth = X::depth(terms);
        E* const panels = desk.panels + other * wide * apart;
        const T* rows[most];
        for (long k = 0; w0 < w1 && k < terms; k++) rows[k] = row(k0 + k);
        for (long p = w0; p < w1; p++) pack_panel([&](long k) { return rows[k]; }, terms, p * PW, N, panels + p * apart);
        team.wait(phase);
        for (long plane = 0; plane < planes.count; plane++)
            for (long unit = begin; unit < end; unit += kTall) {
                const long count = min_(kTall, end - unit);
                transpose_columns(A + k0 * lda + plane * H + unit, lda, terms, count, desk.rows, kDeep);
                T* to = C + (planes.place(plane) * H + unit) * ldc;
                for (long p = 0; p < wide; p++)
                    desk.multiply(count, desk.rows, kDeep, panels + p * apart, depth, to + p * PW, ldc, N - p * PW,
                                  add || k0 > 0);
            }
    }
    team.wait(phase);
}

// A (K, N) matrix, packed by the whole team: [block of terms][panel].
template <class T, class E>
struct Packed {
    static constexpr long PW = Desk<T, E>::PW, apart = Desk<T, E>::apart, most = Desk<T, E>::terms;
    E* panels;
    long K, N;
    long wide() const { return (N + PW - 1) / PW; }
    long blocks() const { return Desk<T, E>::blocks(K); }
    E* at(long block, long panel) const { return panels + (block * wide() + panel) * apart; }
    static long size(long K, long N) { return Desk<T, E>::blocks(K) * ((N + PW - 1) / PW) * apart; }

    // From the rows row(k) of N numbers.
    template <class Row>
    void rows(const Team& team, int id, Row row) const {
        each(team, id, [&](long k0, long terms, long p, E* to) {
            pack_panel([&](long k) { return row(k0 + k); }, terms, p * PW, N, to);
        });
    }
    // From a matrix (N, K) as torch stores it, with leading dimension ld.
    void columns(const Team& team, int id, const T* from, long ld) const {
        constexpr int W = Lanes<T>::W;
        each(team, id, [&](long k0, long terms, long p, E* to) {
            for (long n = p * PW, j = 0; j < 4; j++, n += W)
                pack_strip(from + n * ld + k0, ld, max_(0, min_(W, N - n)), terms, to + j * W, PW);
        });
    }

   private:
    template <class Pack>
    void each(const Team& team, int id, Pack pack) const {
        const long all = blocks() * wide();
        for (long i = share(all, id, team.size); i < share(all, id + 1, team.size); i++) {
            const long block = i / wide(), p = i % wide();
            pack(block * most, min_(most, K - block * most), p, at(block, p));
        }
    }
};

// C [+]= A · B, `rows` rows of A and C.
template <class T, class E>
static void packed_product(const Desk<T, E>& desk, const Packed<T, E>& B, long rows, const T* A, long lda, T* C, bool add) {
    using X = Element<E>;
    constexpr long PW = Desk<T, E>::PW, most = Desk<T, E>::terms;
    const long K = B.K, N = B.N, ld = __is_same(E, T) ? lda : kDeep;
    for (long r = 0; r < rows; r += kTall)
        for (long i = 0; i < B.blocks(); i++) {
            const long count = min_(kTall, rows - r), terms = min_(most, K - i * most);
            const E* a = desk.rows;
            if constexpr (__is_same(E, T))
                a = A + r * lda + i * most;
            else
                for (long j = 0; j < count; j++) pair_up(A + (r + j) * lda + i * most, terms, desk.rows + j * ld);
            for (long p = 0; p < B.wide(); p++)
                desk.multiply(count, a, ld, B.at(i, p), X::depth(terms), C + r * N + p * PW, N, N - p * PW, add || i > 0);
        }
}

}  // namespace ISA
