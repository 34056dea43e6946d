// Connectionist temporal classification, fused with the softmax over classes. Graves et al. 2006, section 4, with
// x = logits, y_t = softmax(x_t), and the path l of a target z: blank, z_1, blank, z_2, …, z_S, blank:
//
//     α_t(s) = y_t(l_s) (α_{t-1}(s) + α_{t-1}(s−1) + [l_s is a label other than l_{s−2}] α_{t-1}(s−2))
//     β_t(s) = Σ over the same transitions, from the end, of y_{t+1} β_{t+1}
//     loss = −log P,  P = α_T(blank after z_S) + α_T(z_S)
//     γ_t(s) = α_t(s) β_t(s) / P,  ∂loss/∂x_t(k) = y_t(k) − Σ_{s: l_s = k} γ_t(s)
//
// Blanks and labels are two arrays: blank i precedes label i. A probability is a fraction and a separate exponent, of
// every state for itself, so no product underflows however sure a network is, and no step needs exp or log. y is not
// normalised: the emissions are exp(x − max_k x), and the sums over k are divided out at the end, in the loss.
#include <math.h>

#include "ctc.h"
#include "simd.h"
#include "team.h"

namespace ISA {

// Probabilities m·2^e, 1 ≤ m < 2. Nothing is m·2^kNothing, which is never more than 2^-2^28 of anything.
template <class T>
using Exponents = typename Lanes<T>::M;
template <class T>
struct Parts {
    Vec<T> m;
    Exponents<T> e;
};
constexpr int32_t kNothing = -(1 << 29), kImpossible = -(1 << 28);
constexpr double kFaint = -1e6;  // emissions of less than e^kFaint are nothing

template <class T>
struct Bits;
template <>
struct Bits<float> {
    using I = int32_t;
    static constexpr int digits = 23, bias = 127;
};
template <>
struct Bits<double> {
    using I = int64_t;
    static constexpr int digits = 52, bias = 1023;
};

template <class T>
INLINE Exponents<T> greater(Exponents<T> a, Exponents<T> b) {
    return a > b ? a : b;
}
template <class T>
INLINE Exponents<T> all(typename Bits<T>::I e) {
    return Exponents<T>{} + e;
}
// 2^d for d ≤ 1; 0 where that is denormal.
template <class T>
INLINE Vec<T> power(Exponents<T> d) {
    const Exponents<T> bits = (greater<T>(d, all<T>(-Bits<T>::bias)) + Bits<T>::bias) << Bits<T>::digits;
    Vec<T> found;
    memcpy(&found, &bits, sizeof found);
    return found;
}
template <class T>
INLINE Parts<T> normal(Vec<T> m, Exponents<T> e) {
    using I = typename Bits<T>::I;
    Exponents<T> bits;
    memcpy(&bits, &m, sizeof bits);
    const Exponents<T> more = (bits >> Bits<T>::digits) - Bits<T>::bias;
    bits = (bits & ((I(1) << Bits<T>::digits) - 1)) | (I(Bits<T>::bias) << Bits<T>::digits);
    memcpy(&m, &bits, sizeof m);
    return {m, greater<T>(e + more, all<T>(kNothing))};
}
// (a + b + c) · by
template <class T>
INLINE Parts<T> add(Parts<T> a, Parts<T> b, Parts<T> c, Parts<T> by) {
    const Exponents<T> top = greater<T>(greater<T>(a.e, b.e), c.e);
    const Vec<T> m = a.m * power<T>(a.e - top) + b.m * power<T>(b.e - top) + c.m * power<T>(c.e - top);
    return normal<T>(m * by.m, top + by.e);
}
template <class T>
INLINE Parts<T> add(Parts<T> a, Parts<T> b, Parts<T> by) {
    const Exponents<T> top = greater<T>(a.e, b.e);
    return normal<T>((a.m * power<T>(a.e - top) + b.m * power<T>(b.e - top)) * by.m, top + by.e);
}
// e^z for z ≤ 0, the range reduction of `exp_` without its limits
template <class T>
INLINE Parts<T> emission(Vec<T> z) {
    constexpr bool kFloat = sizeof(T) == 4;
    const Vec<T> low = fill(T(kFaint)), magic = fill(kFloat ? T(12582912) : T(6755399441055744));
    const Vec<T> clipped = z > low ? z : low;
    const Vec<T> n = (clipped * T(1.44269504088896341) + magic) - magic;
    const Vec<T> r = (clipped - n * T(kFloat ? 0.693359375 : 0.69314718036912382)) -
                     n * T(kFloat ? -2.12194440e-4 : 1.9082149292705877e-10);
    const Exponents<T> e = __builtin_convertvector(n, Exponents<T>);
    return {exp_near_0(r), z > low ? e : all<T>(kNothing)};
}

// e^z for z ≤ 0, as `exp_`, in fewer instructions where there are some for it; NaN stays NaN.
#if defined(__AVX512F__)
INLINE Vec<float> exp_below_0(Vec<float> z) {
    z = (Vec<float>)_mm512_max_ps((__m512)fill(-87.3f), (__m512)z);
    const Vec<float> n = (Vec<float>)_mm512_roundscale_ps((__m512)(z * 1.44269504088896341f), _MM_FROUND_TO_NEAREST_INT);
    const Vec<float> r = (z - n * 0.693359375f) - n * -2.12194440e-4f;
    return (Vec<float>)_mm512_scalef_ps((__m512)exp_near_0(r), (__m512)n);
}
#else
INLINE Vec<float> exp_below_0(Vec<float> z) { return exp_(z); }
#endif
INLINE Vec<double> exp_below_0(Vec<double> z) { return exp_(z); }

// The next row of an example is far away in memory: read its first 16 cache lines while this one is computed.
template <int write, class T>
INLINE void fetch(const T* row, long classes) {
    constexpr long line = 64 / sizeof(T);
    for (long k = 0; k < classes && k < 16 * line; k += line) __builtin_prefetch(row + k, write);
}

// Rows of states of one example, fractions and exponents, with a vector of margin on either side.
template <class T>
struct Rows {
    using I = typename Bits<T>::I;
    static constexpr int W = Lanes<T>::W;
    static constexpr long width(long states) { return (states + W - 1) / W * W + 2 * W; }
    T* m;
    I* e;
    long w;

    Rows(Workspace& memory, long rows, long states)
        : m(memory.next<T>(rows * width(states)) + W), e(memory.next<I>(rows * width(states)) + W), w(width(states)) {}
    static size_t bytes(long rows, long states) { return rows * width(states) * (sizeof(T) + sizeof(I)) + 2 * 256; }

    Parts<T> at(long row, long i) const {
        Parts<T> p;
        memcpy(&p.m, m + row * w + i, sizeof p.m);
        memcpy(&p.e, e + row * w + i, sizeof p.e);
        return p;
    }
    void put(long row, long i, Parts<T> p) const {
        memcpy(m + row * w + i, &p.m, sizeof p.m);
        memcpy(e + row * w + i, &p.e, sizeof p.e);
    }
    void put(long row, long i, I exponent) const { m[row * w + i] = 1, e[row * w + i] = exponent; }
    void clear(long row) const {
        for (long i = -W; i < w - W; i++) put(row, i, I(kNothing));
    }
};

// The losses of some examples, one after another, with one thread's memory.
template <class T>
struct CtcForward {
    using I = typename Bits<T>::I;
    static constexpr int W = Lanes<T>::W;
    const Ctc& q;
    const bool keep = q.scales != nullptr;  // α of all frames, for γ
    const long N = q.S + 1;
    Workspace memory{Rows<T>::bytes(2 * (keep ? q.T + 1 : 2) + (keep ? q.T : 1) + 2, N) + sizeof(T) * 2 * (q.T + N + W) +
                     2 * sizeof(I) * (N + W) + 16 * 256};
    const Rows<T> blank{memory, keep ? q.T + 1 : 2, N}, label{memory, keep ? q.T + 1 : 2, N};  // α; row 0: before frame 0
    const Rows<T> emitted{memory, keep ? q.T : 1, N};  // by labels
    const Rows<T> after_blank{memory, 1, N}, after_label{memory, 1, N};  // y_{t+1} β_{t+1}
    T* const chosen = memory.next<T>(N + W);    // logits of the labels of the target, less the largest
    I* const labels = memory.next<I>(N + W);
    I* const skip = memory.next<I>(N + W);      // added to the exponent of α(s − 2): 0, or nothing after an equal label
    T* const blank_m = memory.next<T>(q.T);     // emitted by the blank
    I* const blank_e = memory.next<I>(q.T);

    Parts<T> emitted_blank(long t) const { return {fill(blank_m[t]), all<T>(blank_e[t])}; }
    long row(long t) const { return keep ? t + 1 : (t + 1) & 1; }

    void example(long b) const {
        const long frames = ((const int64_t*)q.input_lengths)[b], S = ((const int64_t*)q.target_lengths)[b];
        const int64_t* target = (const int64_t*)q.targets + b * q.S;
        for (long i = 0; i < S; i++) labels[i] = I(target[i]), skip[i] = i && target[i] == target[i - 1] ? kNothing : 0;
        for (long i = S; i < N + W; i++) labels[i] = 0, skip[i] = kNothing;
        for (long i = S; i < N + W; i++) chosen[i] = T(-INFINITY);
        blank.clear(0), label.clear(0), blank.put(0, 0, I(0));
        double log_sums = 0, sums = 1;
        for (long t = 0; t < frames; t++) {
            sums *= frame(b, t, S);
            if (sums > 1e250 || t == frames - 1) log_sums += log(sums), sums = 1;
        }
        // P of unnormalised emissions
        const long end = row(frames - 1) * blank.w;
        const I by_blank = blank.e[end + S], by_label = S ? label.e[end + S - 1] : kNothing;
        const double top = double(by_blank > by_label ? by_blank : by_label);
        double p = blank.m[end + S] * exp2(by_blank - top);
        if (S) p += label.m[end + S - 1] * exp2(by_label - top);
        double loss = log_sums - (log(p) + top * 0.69314718055994530942);
        if (top < kImpossible) loss = INFINITY;
        if (!(log_sums < INFINITY)) loss = NAN;  // a frame with NaN, +∞ or no finite logit
        ((T*)q.losses)[b] = T(loss);
        if (keep) occupy(b, frames, S, T(loss < INFINITY ? 1 / p : NAN), I(top));
    }

    // α of frame t; returns the sum over the classes.
    double frame(long b, long t, long S) const {
        const T* x = (const T*)q.logits + b * q.example + t * q.frame;
        if (t + 1 < q.T) fetch<0>(x + q.frame, q.C);
        Vec<T> high = fill(T(-INFINITY)), total = {};
        for (long k = 0; k < q.C; k += W) {
            const int n = q.C - k < W ? int(q.C - k) : W;
            const Vec<T> v = n == W ? load(x + k) : first(some(x + k, n), n, T(-INFINITY));
            high = v > high ? v : high;
        }
        const T most = largest<UNROLLED_VECTOR_BYTES>(&high);
        for (long k = 0; k < q.C; k += W) {
            const int n = q.C - k < W ? int(q.C - k) : W;
            total += n == W ? exp_below_0(load(x + k) - most) : first(exp_below_0(some(x + k, n) - most), n, T(0));
        }
        const T all_classes = sum<T>(total);
        if (keep) {
            T* scale = (T*)q.scales + 2 * (b * q.T + t);
            scale[0] = most, scale[1] = 1 / all_classes;
        }
        for (long i = 0; i < S; i++) chosen[i] = x[labels[i]] - most;
        chosen[S] = x[q.blank] - most;
        const long before = row(t - 1), now = row(t), kept = keep ? t : 0;
        for (long i = 0; i <= S; i += W) emitted.put(kept, i, emission<T>(load(chosen + i)));
        blank_m[t] = emitted.m[kept * emitted.w + S], blank_e[t] = emitted.e[kept * emitted.w + S];
        const Parts<T> y = emitted_blank(t);
        emitted.put(kept, S, I(kNothing));  // there is no label
        label.put(before, -1, I(kNothing));
        for (long i = 0; i <= S; i += W) {
            const Parts<T> e = emitted.at(kept, i);
            const Parts<T> here = label.at(before, i), space = blank.at(before, i), last = label.at(before, i - 1);
            Exponents<T> allowed;
            memcpy(&allowed, skip + i, sizeof allowed);
            blank.put(now, i, add<T>(space, last, y));
            label.put(now, i, add<T>(here, space, {last.m, last.e + allowed}, e));
        }
        return double(all_classes);
    }

    // γ from α, backwards over the frames; `inverse` and `exponent` of 1/P and P.
    void occupy(long b, long frames, long S, T inverse, I exponent) const {
        after_blank.clear(0), after_label.clear(0), after_blank.put(0, S, I(0));
        for (long t = frames - 1; t >= 0; t--) {
            T* to = (T*)q.occupancies + (b * q.T + t) * N;
            const Parts<T> y = emitted_blank(t), one = {fill(T(1)), Exponents<T>{}};
            Vec<T> blanks = {};
            for (long i = 0; i <= S; i += W) {
                const Parts<T> space = after_blank.at(0, i), here = after_label.at(0, i), next = after_label.at(0, i + 1);
                Exponents<T> allowed;
                memcpy(&allowed, skip + i + 1, sizeof allowed);
                const Parts<T> beta_blank = add<T>(space, here, one);
                const Parts<T> beta_label = add<T>(here, after_blank.at(0, i + 1), {next.m, next.e + allowed}, one);
                const Parts<T> a = blank.at(row(t), i), l = label.at(row(t), i), e = emitted.at(t, i);
                blanks += a.m * beta_blank.m * power<T>(a.e + beta_blank.e - exponent);
                const Vec<T> found = l.m * beta_label.m * power<T>(l.e + beta_label.e - exponent) * inverse;
                if (i < S) store(to + 1 + i, found, S - i < W ? int(S - i) : W);
                after_blank.put(0, i, normal<T>(beta_blank.m * y.m, beta_blank.e + y.e));
                after_label.put(0, i, normal<T>(beta_label.m * e.m, beta_label.e + e.e));
            }
            to[0] = sum<T>(blanks) * inverse;
        }
    }

    // the largest lane
    template <int Bytes>
    static T largest(const void* p) {
        if constexpr (Bytes == sizeof(T)) {
            return *(const T*)p;
        } else {
            typedef T Half __attribute__((vector_size(Bytes / 2)));
            Half low, high;
            memcpy(&low, p, Bytes / 2);
            memcpy(&high, (const char*)p + Bytes / 2, Bytes / 2);
            low = low > high ? low : high;
            return largest<Bytes / 2>(&low);
        }
    }
    // the first n lanes, and `other` in the rest
    static Vec<T> first(Vec<T> v, int n, T other) {
        static const I numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        Exponents<T> lane;
        memcpy(&lane, numbers, sizeof lane);
        return lane < I(n) ? v : fill(other);
    }
};

// The gradients with respect to the logits of example b: dloss · (softmax − γ), written once.
template <class T>
static void by_logits(const Ctc& q, long b) {
    constexpr int W = Lanes<T>::W;
    const long frames = ((const int64_t*)q.input_lengths)[b], S = ((const int64_t*)q.target_lengths)[b];
    const int64_t* target = (const int64_t*)q.targets + b * q.S;
    const T d = ((const T*)q.dlosses)[b];
    for (long t = 0; t < q.T; t++) {
        T* to = (T*)q.dlogits + b * q.dexample + t * q.dframe;
        if (t >= frames) {
            memset(to, 0, q.C * sizeof(T));
            continue;
        }
        const T* x = (const T*)q.logits + b * q.example + t * q.frame;
        const T* scale = (const T*)q.scales + 2 * (b * q.T + t);
        const T* occupied = (const T*)q.occupancies + (b * q.T + t) * (q.S + 1);
        const T most = scale[0], factor = d * scale[1];
        if (t + 1 < frames) fetch<0>(x + q.frame, q.C), fetch<1>(to + q.dframe, q.C);
        for (long k = 0; k < q.C; k += W) {
            const int n = q.C - k < W ? int(q.C - k) : W;
            store(to + k, exp_below_0(load(x + k, n) - most) * factor, n);
        }
        to[q.blank] -= d * occupied[0];
        for (long i = 0; i < S; i++) to[target[i]] -= d * occupied[1 + i];
    }
}

template <class T>
static double work(const Ctc& q) {
    return double(q.T * q.B) * (8 * q.C + 32 * q.S);
}
template <class T>
static void run_forward(const Ctc& q) {
    run_team(Calls::ctc, work<T>(q), int(q.threads), [&](Team& team, int id, Turn&) {
        const CtcForward<T> desk{q};
        each_part(q.B, team, id, [&](int b) { desk.example(b); });
    });
}
template <class T>
static void run_backward(const Ctc& q) {
    run_team(Calls::ctc, work<T>(q), int(q.threads),
             [&](Team& team, int id, Turn&) { each_part(q.B, team, id, [&](int b) { by_logits<T>(q, b); }); });
}

extern const CtcKernel ctc_forward[2], ctc_backward[2];
const CtcKernel ctc_forward[2] = {run_forward<float>, run_forward<double>};
const CtcKernel ctc_backward[2] = {run_backward<float>, run_backward<double>};

}  // namespace ISA
