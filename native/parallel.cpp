// Recurrences whose gates depend on the inputs only: h_t = a_t ∘ h_{t-1} + b_t; the equations are numbered as in
// cells/mingru.py, minlstm.py, rglru.py and qrnn.py.
//
// The sequence is processed in chunks of steps: first the product p = W_ih x, its rows divided among the threads, then
// gates, coefficients and states, with units and lanes divided among them; p and the states are saved. The backward pass
// recomputes the gates and, while the gradients with respect to p of a chunk are in the cache, accumulates those with
// respect to inputs and weights.
#include <math.h>

#include "parallel.h"
#include "products.h"

namespace ISA {

#if defined(__AVX512F__)
INLINE Vec<float> root(Vec<float> x) { return (Vec<float>)_mm512_sqrt_ps((__m512)x); }
#elif defined(__AVX2__)
INLINE Vec<float> root(Vec<float> x) { return (Vec<float>)_mm256_sqrt_ps((__m256)x); }
#else
INLINE Vec<float> root(Vec<float> x) {
    for (int j = 0; j < Lanes<float>::W; j++) x[j] = sqrtf(x[j]);
    return x;
}
#endif
INLINE Vec<double> root(Vec<double> x) {
    for (int j = 0; j < Lanes<double>::W; j++) x[j] = sqrt(x[j]);
    return x;
}
INLINE Vec<double> reciprocal(Vec<double> x) { return 1.0 / x; }

// One step of each kind: forward from p of its gates and the previous h; backward it also computes dp, and turns dh from
// the gradient with respect to h_t into that with respect to h_{t-1}.

// g of (2) and (2p), and its derivative.
template <class T, bool kPositive>
struct Candidate {
    Vec<T> g, slope;
    explicit Candidate(Vec<T> p) {
        if constexpr (kPositive) {
            const Vec<T> s = sigmoid(p);
            g = p >= T(0) ? p + T(0.5) : s;
            slope = p >= T(0) ? fill(T(1)) : s * (T(1) - s);
        } else {
            g = p;
            slope = fill(T(1));
        }
    }
};

template <class T, bool kPositive>
struct MinGru {  // p: z, g
    static constexpr int G = 2;
    static constexpr bool kOutput = false, kDecay = false;
    static Vec<T> step(const Vec<T>* p, Vec<T>, Vec<T> h, Vec<T>&) {
        const Vec<T> z = sigmoid(p[0]);                         // (1)
        return h + z * (Candidate<T, kPositive>(p[1]).g - h);   // (2) (3)
    }
    static void back(const Vec<T>* p, Vec<T>, Vec<T> h, Vec<T>, Vec<T>& dh, Vec<T>* dp, Vec<T>&) {
        const Vec<T> z = sigmoid(p[0]), dg = dh * z;
        const Candidate<T, kPositive> c(p[1]);
        dh -= dg;
        dp[0] = dh * z * (c.g - h);  // dh (1 − z) z (g − h)
        dp[1] = dg * c.slope;
    }
};

template <class T, bool kPositive>
struct MinLstm {  // p: f, i, g
    static constexpr int G = 3;
    static constexpr bool kOutput = false, kDecay = false;
    // F = 1/(1 + e^{-p_f}) and so on; over e^m none of the three powers is more than 1, and one of them is 1.
    struct Gates {
        Vec<T> u, v, f, i, share;  // e^{-p_i}, e^{-p_f} over e^m; (3), (4); 1/(their denominators' sum)
        explicit Gates(const Vec<T>* p) {
            Vec<T> m = p[0] < p[1] ? -p[0] : -p[1];
            m = m < T(0) ? Vec<T>{} : m;
            const Vec<T> one = exp_(-m);
            u = exp_(-p[1] - m);
            v = exp_(-p[0] - m);
            share = reciprocal(one + one + u + v);
            f = (one + u) * share;  // (1 + e^{-p_i}) / (2 + e^{-p_i} + e^{-p_f}) = F / (F + I)
            i = (one + v) * share;
        }
    };
    static Vec<T> step(const Vec<T>* p, Vec<T>, Vec<T> h, Vec<T>&) {
        const Gates a(p);                                               // (1)–(4)
        return a.f * h + a.i * Candidate<T, kPositive>(p[2]).g;         // (5) (6)
    }
    static void back(const Vec<T>* p, Vec<T>, Vec<T> h, Vec<T>, Vec<T>& dh, Vec<T>* dp, Vec<T>&) {
        const Gates a(p);
        const Candidate<T, kPositive> c(p[2]);
        const Vec<T> df = dh * (h - c.g);  // with respect to f, with i = 1 − f
        dp[0] = df * a.f * a.v * a.share;  // ∂f/∂p_f = f i (1 − F),   i (1 − F) = v · share
        dp[1] = -df * a.i * a.u * a.share;
        dp[2] = dh * a.i * c.slope;
        dh = dh * a.f;
    }
};

template <class T>
struct RgLru {  // p: r, i, u
    static constexpr int G = 3;
    static constexpr bool kOutput = false, kDecay = true;
    struct Gates {
        Vec<T> r, i, a, free;  // free: √(1 − a²)
        Gates(const Vec<T>* p, Vec<T> decay) {
            r = sigmoid(p[0]);  // (1)
            i = sigmoid(p[1]);  // (2)
            const Vec<T> log_a = r * decay;
            a = exp_(log_a);                                      // (4)
            const Vec<T> square = tanh_(-log_a) * (T(1) + a * a);  // 1 − a², without cancellation
            free = root(square);
        }
    };
    static Vec<T> step(const Vec<T>* p, Vec<T> decay, Vec<T> h, Vec<T>&) {
        const Gates s(p, decay);
        return s.a * h + s.free * s.i * p[2];  // (5)
    }
    static void back(const Vec<T>* p, Vec<T> decay, Vec<T> h, Vec<T>, Vec<T>& dh, Vec<T>* dp, Vec<T>& ddecay) {
        const Gates s(p, decay);
        const Vec<T> least = fill(T(1e-18));  // the root goes to 0 with √r, so that the quotient stays small
        const Vec<T> quotient = s.r / (s.free < least ? least : s.free);
        ddecay = dh * s.a * (h * s.r - s.a * s.i * p[2] * quotient);  // ∂√(1 − a²)/∂log a = −a²/√(1 − a²)
        dp[0] = ddecay * decay * (T(1) - s.r);
        dp[1] = dh * s.free * p[2] * s.i * (T(1) - s.i);
        dp[2] = dh * s.free * s.i;
        dh = dh * s.a;
    }
};

template <class T>
struct Qrnn {  // p: g, f, o; here h is the equations' c, and y their h
    static constexpr int G = 3;
    static constexpr bool kOutput = true, kDecay = false;
    static Vec<T> step(const Vec<T>* p, Vec<T>, Vec<T> c, Vec<T>& y) {
        const Vec<T> g = tanh_(p[0]), f = sigmoid(p[1]);  // (1) (2)
        c = g + f * (c - g);                              // (4)
        y = sigmoid(p[2]) * c;                            // (3) (5)
        return c;
    }
    static void back(const Vec<T>* p, Vec<T>, Vec<T> before, Vec<T> dy, Vec<T>& dc, Vec<T>* dp, Vec<T>&) {
        const Vec<T> g = tanh_(p[0]), f = sigmoid(p[1]), o = sigmoid(p[2]);
        const Vec<T> c = g + f * (before - g);
        dc += dy * o;
        dp[2] = dy * c * o * (T(1) - o);
        dp[1] = dc * (before - g) * f * (T(1) - f);
        dp[0] = dc * (T(1) - f) * (T(1) - g * g);
        dc = dc * f;
    }
};

// The vectors of units that one thread processes over time: calls `each(b, unit, last unit)` for its part of every lane.
template <class T>
struct Share {
    static constexpr int W = Lanes<T>::W;
    const long H, vectors, first, last;
    Share(const Parallel& q, int part)
        : H(q.H), vectors((q.H + W - 1) / W), first(q.B * vectors * part / q.threads),
          last(q.B * vectors * (part + 1) / q.threads) {}
    template <class F>
    INLINE void lanes(const Share& s, F each) {
        for (long v = s.first; v < s.last;) {
            const long b = v / s.vectors, end = s.last < (b + 1) * s.vectors ? s.last : (b + 1) * s.vectors;
            const long to = (end - b * s.vectors) * W;
            each(b, (v - b * s.vectors) * W, to < s.H ? to : s.H);
            v = end;
        }
    }
};

// The chunks of steps, a few hundred rows each, and the location of the rows of their products.
template <class T, class E>
struct Stretches {
    const Parallel& q;
    const long B = q.B, N = q.slots;
    const long steps = max_(1, max_(Desk<T, E>::terms, kTall / 2 * q.threads) / max_(1, B));

    // Call f(first step, steps) for each chunk; in reverse order of execution if `back`.
    template <class F>
    void each(bool back, F f) const {
        for (long s = 0; s < q.T; s += steps) {
            const long count = min_(steps, q.T - s);
            f(back == (q.reverse != 0) ? s : q.T - s - count, count);
        }
    }
    // The first row of x that slot j reads at step t.
    long row(long j, long t) const { return (t + (q.reverse ? N - 1 - j : j)) * B; }
};

template <class K, class T, class E>
struct ParallelForward {
    static constexpr int W = Lanes<T>::W, G = K::G;
    using Weights = Packed<T, E>;
    const Parallel& q;
    const Stretches<T, E> stretches{q};
    const long B = q.B, H = q.H, I = q.I, N = q.slots, R = G * H;
    const bool few = __is_same(E, T) && q.T * B < 16 && N == 1;  // few rows: use the weights without packing
    const long of_slot = !few * (q.x != nullptr) * Weights::size(I, R);
    Workspace memory;
    E *const packed, *const rows;
    T* const edges;

    explicit ParallelForward(const Parallel& p)
        : q(p), memory(sizeof(T) * size_t(N * of_slot + q.threads * (Desk<T, E>::rows_size + Desk<T, E>::edge_size) + 1024)),
          packed(memory.next<E>(N * of_slot)), rows(memory.next<E>(q.threads * Desk<T, E>::rows_size)),
          edges(memory.next<T>(q.threads * Desk<T, E>::edge_size)) {}

    void operator()() {
        run_team(Calls::parallel, double(q.T * B) * (R * I * N * (q.x != nullptr) + 16 * H), (int)q.threads, [&](Team& team, int id, Turn& phase) {
            [[maybe_unused]] const Products products_of_this_thread;
            const Desk<T, E> desk{packed, rows + id * Desk<T, E>::rows_size, edges + id * Desk<T, E>::edge_size};
            for (long j = 0; of_slot && j < N; j++) weights(j).columns(team, id, (const T*)q.weight + j * I, N * I);
            team.wait(phase);
            each_part(q.threads, team, id, [&](int part) {
                Share<T>::lanes({q, part}, [&](long b, long from, long to) {
                    memcpy((T*)q.hn + b * H + from, (const T*)q.h0 + b * H + from, (to - from) * sizeof(T));
                });
            });
            stretches.each(false, [&](long t0, long steps) {
                if (q.x) {
                    project(team, id, desk, t0, steps);
                    team.wait(phase);
                }
                each_part(q.threads, team, id, [&](int part) {
                    for (long n = 0; n < steps; n++) step({q, part}, q.reverse ? t0 + steps - 1 - n : t0 + n);
                });
            });
        });
    }
    Weights weights(long j) const { return {packed + j * of_slot, I, R}; }

    // This thread's rows of p.
    void project(const Team& team, int id, const Desk<T, E>& desk, long t0, long steps) const {
        if (few) {
            const long begin = share(R, id, team.size), end = share(R, id + 1, team.size);
            for (long k = 0; k < I; k += Desk<T, E>::terms)  // the blocks of packed_product
                strip_product(steps * B, (const T*)q.x + t0 * B * I + k, I, (const T*)q.weight + begin * I + k, I,
                              end - begin, min_(Desk<T, E>::terms, I - k), (T*)q.p + t0 * B * R + begin, R, k > 0);
            return;
        }
        const long begin = share(steps * B, id, team.size), end = share(steps * B, id + 1, team.size);
        for (long j = 0; j < N; j++)
            packed_product(desk, weights(j), end - begin, (const T*)q.x + (stretches.row(j, t0) + begin) * I, I,
                           (T*)q.p + (t0 * B + begin) * R, j > 0);
    }

    void step(const Share<T>& share, long t) const {
        const T *bias = (const T*)q.bias, *decay = (const T*)q.decay, *hi = (const T*)q.hi;
        const int64_t* lengths = (const int64_t*)q.lengths;
        const uint8_t* resets = (const uint8_t*)q.resets;
        Share<T>::lanes(share, [&](long b, long from, long to) {
            const long row = t * B + b;
            T *y = (T*)q.y + row * H, *c = K::kOutput ? (T*)q.c + row * H : nullptr, *h = (T*)q.hn + b * H;
            const T* p = (const T*)q.p + row * R;
            if (lengths && t >= lengths[b]) {
                memset(y + from, 0, (to - from) * sizeof(T));
                if (c) memset(c + from, 0, (to - from) * sizeof(T));
                return;
            }
            const bool begins = resets && resets[row];
            for (long unit = from; unit < to; unit += W) {
                const int some = to - unit < W ? (int)(to - unit) : W;
                Vec<T> given[G], output;
                for (int g = 0; g < G; g++) given[g] = load(p + g * H + unit, some);
                if (bias)
                    for (int g = 0; g < G; g++) given[g] += load(bias + g * H + unit, some);
                const Vec<T> before = load((begins && !q.reverse ? hi + b * H : h) + unit, some);
                const Vec<T> after = K::step(given, K::kDecay ? load(decay + unit, some) : Vec<T>{}, before, output);
                store(y + unit, K::kOutput ? output : after, some);
                if (K::kOutput) store(c + unit, after, some);
                store(h + unit, begins && q.reverse ? load(hi + b * H + unit, some) : after, some);
            }
        });
    }
};

template <class K, class T, class E>
struct ParallelBackward {
    static constexpr int W = Lanes<T>::W, G = K::G;
    using Weights = Packed<T, E>;
    const Parallel& q;
    const Stretches<T, E> stretches{q};
    const long B = q.B, H = q.H, I = q.I, N = q.slots, R = G * H;
    const T* const carried = (const T*)(K::kOutput ? q.c : q.y);
    const long of_slot = (q.dx != nullptr) * Weights::size(R, I), of_panels = (q.x != nullptr) * Desk<T, E>::panels_size(I);
    const long of_dp = (q.x != nullptr) * stretches.steps * B * R;
    Workspace memory;
    E *const packed, *const panels, *const rows;
    T *const edges, *const dp;

    explicit ParallelBackward(const Parallel& p)
        : q(p), memory(sizeof(T) * size_t(N * of_slot + of_panels + of_dp + q.threads * (Desk<T, E>::rows_size + Desk<T, E>::edge_size) + 1024)),
          packed(memory.next<E>(N * of_slot)), panels(memory.next<E>(of_panels)),
          rows(memory.next<E>(q.threads * Desk<T, E>::rows_size)), edges(memory.next<T>(q.threads * Desk<T, E>::edge_size)),
          dp(memory.next<T>(of_dp)) {}

    void operator()() {
        run_team(Calls::parallel, double(q.T * B) * (R * I * N * (q.x != nullptr) + 16 * H), (int)q.threads, [&](Team& team, int id, Turn& phase) {
            [[maybe_unused]] const Products products_of_this_thread;
            const Desk<T, E> desk{panels, rows + id * Desk<T, E>::rows_size, edges + id * Desk<T, E>::edge_size};
            each_part(q.threads, team, id, [&](int part) { start({q, part}); });
            for (long j = 0; of_slot && j < N; j++)
                weights(j).rows(team, id, [&](long k) { return (const T*)q.weight + k * N * I + j * I; });
            if (q.dx && N > 1) {  // steps share rows of x
                const long all = (q.T + N - 1) * B;
                const long begin = ISA::share(all, id, team.size), end = ISA::share(all, id + 1, team.size);
                memset((T*)q.dx + begin * I, 0, (end - begin) * I * sizeof(T));
            }
            bool later = false;
            stretches.each(true, [&](long t0, long steps) {
                T* to = q.x ? dp : (T*)q.dp + t0 * B * R;
                each_part(q.threads, team, id, [&](int part) {
                    for (long n = 0; n < steps; n++) {
                        const long at = q.reverse ? n : steps - 1 - n;
                        step({q, part}, t0 + at, to + at * B * R, part);
                    }
                });
                if (!q.x) return;
                team.wait(phase);
                products(team, id, phase, desk, t0, steps, later);
                later = true;
            });
        });
    }
    Weights weights(long j) const { return {packed + j * of_slot, R, I}; }

    // The gradients with respect to inputs and weights, from those of a chunk with respect to p.
    void products(Team& team, int id, Turn& phase, const Desk<T, E>& desk, long t0, long steps, bool later) const {
        const long count = steps * B, begin = ISA::share(count, id, team.size), end = ISA::share(count, id + 1, team.size);
        const int64_t* lengths = (const int64_t*)q.lengths;
        for (long j = 0; j < N; j++) {
            const T* x = (const T*)q.x + stretches.row(j, t0) * I;
            auto seen = [&](long k) { return lengths && t0 + k / B >= lengths[k % B] ? nullptr : x + k * I; };
            if (q.dx)
                packed_product(desk, weights(j), end - begin, dp + begin * R, R,
                               (T*)q.dx + (stretches.row(j, t0) + begin) * I, N > 1);
            transposed_product(team, id, phase, desk, count, dp, R, {1, R, 0}, seen, I, (T*)q.dweight + j * I, N * I, later);
        }
    }

    void start(const Share<T>& share) const {
        Share<T>::lanes(share, [&](long b, long from, long to) {
            T* dh = (T*)q.dh0 + b * H + from;
            const size_t bytes = (to - from) * sizeof(T);
            if (q.dhn) memcpy(dh, (const T*)q.dhn + b * H + from, bytes);
            else memset(dh, 0, bytes);
            if (q.dhi) memset((T*)q.dhi + b * H + from, 0, bytes);
        });
    }

    // The gradients with respect to p of step t, (B, G, H).
    void step(const Share<T>& share, long t, T* by_p, int part) const {
        const T *bias = (const T*)q.bias, *decay = (const T*)q.decay;
        const int64_t* lengths = (const int64_t*)q.lengths;
        const uint8_t* resets = (const uint8_t*)q.resets;
        T *dbias = (T*)q.dbias + part * R, *ddecay = (T*)q.ddecay + (K::kDecay ? part * H : 0);
        const long previous = q.reverse ? t + 1 : t - 1;
        Share<T>::lanes(share, [&](long b, long from, long to) {
            const long row = t * B + b;
            const T *p = (const T*)q.p + row * R, *dy = (const T*)q.dy + row * H;
            T *found_at = by_p + b * R, *dh = (T*)q.dh0 + b * H, *dhi = q.dhi ? (T*)q.dhi + b * H : nullptr;
            if (lengths && t >= lengths[b]) {
                for (int g = 0; g < G; g++) memset(found_at + g * H + from, 0, (to - from) * sizeof(T));
                return;
            }
            // the state before this step: that of a reset, of the previous step, or the initial state of the lane
            const bool begins = resets && resets[row];
            const bool first = q.reverse ? previous >= (lengths ? lengths[b] : q.T) : t == 0;
            const bool reset = q.reverse ? !first && resets && resets[row + B] : begins;
            const T* before = reset ? (const T*)q.hi + b * H : first ? (const T*)q.h0 + b * H
                                                                    : carried + (previous * B + b) * H;
            for (long unit = from; unit < to; unit += W) {
                const int some = to - unit < W ? (int)(to - unit) : W;
                Vec<T> given[G], found[G], of_decay = {};
                for (int g = 0; g < G; g++) given[g] = load(p + g * H + unit, some);
                if (bias)
                    for (int g = 0; g < G; g++) given[g] += load(bias + g * H + unit, some);
                Vec<T> d = load(dh + unit, some);
                if (begins && q.reverse) {
                    store(dhi + unit, load(dhi + unit, some) + d, some);
                    d = Vec<T>{};
                }
                const Vec<T> by_y = load(dy + unit, some);
                if (!K::kOutput) d += by_y;
                K::back(given, K::kDecay ? load(decay + unit, some) : Vec<T>{}, load(before + unit, some), by_y, d, found,
                        of_decay);
                if (begins && !q.reverse) {
                    store(dhi + unit, load(dhi + unit, some) + d, some);
                    d = Vec<T>{};
                }
                store(dh + unit, d, some);
                for (int g = 0; g < G; g++) store(found_at + g * H + unit, found[g], some);
                for (int g = 0; g < G; g++)
                    store(dbias + g * H + unit, load(dbias + g * H + unit, some) + found[g], some);
                if (K::kDecay) store(ddecay + unit, load(ddecay + unit, some) + of_decay, some);
            }
        });
    }
};

// Pairs of bfloat16 if requested and the weights are packed.
template <class K, class T>
static void run_forward(const Parallel& q) {
    if constexpr (__is_same(T, float))
        if (q.half && q.T > kFewSteps) return ParallelForward<K, T, Pair>{q}();
    ParallelForward<K, T, T>{q}();
}
template <class K, class T>
static void run_backward(const Parallel& q) {
    if constexpr (__is_same(T, float))
        if (q.half && q.T > kFewSteps) return ParallelBackward<K, T, Pair>{q}();
    ParallelBackward<K, T, T>{q}();
}

extern const ParallelKernel parallel_forward[kParallelKinds][2], parallel_backward[kParallelKinds][2];
#define ALL_KINDS(run) \
    { \
        {run<MinGru<float, false>, float>, run<MinGru<double, false>, double>}, \
            {run<MinGru<float, true>, float>, run<MinGru<double, true>, double>}, \
            {run<MinLstm<float, false>, float>, run<MinLstm<double, false>, double>}, \
            {run<MinLstm<float, true>, float>, run<MinLstm<double, true>, double>}, \
            {run<RgLru<float>, float>, run<RgLru<double>, double>}, {run<Qrnn<float>, float>, run<Qrnn<double>, double>} \
    }
const ParallelKernel parallel_forward[kParallelKinds][2] = ALL_KINDS(run_forward);
const ParallelKernel parallel_backward[kParallelKinds][2] = ALL_KINDS(run_backward);

}  // namespace ISA
