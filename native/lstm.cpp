// Long short-term memory; the equations are numbered as in cells/lstm.py.
//
//   (1)  i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi [+ p_i ∘ c_{t-1}])
//   (2)  f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf [+ p_f ∘ c_{t-1}])
//   (3)  g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
//   (4)  c_t = f_t ∘ c_{t-1} + i_t ∘ g_t
//   (5)  o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho [+ p_o ∘ c_t])
//   (6)  h_t = o_t ∘ tanh(c_t)
//   (7)  h_t = W_hr h_t                                     with a projection
//
// Layer norm, N(v) = (v − mean) / deviation: all four W_i· x become gain ∘ N(W_i· x), all four W_h· h likewise, and the
// c_t inside (6) is gain ∘ N(c_t) + shift.
//
// gates (T, B, 4, H): i, f, g, o; with layer norm (T, B, 13, H): then N(W_i· x), N(W_h· h) and N(c).
// da (T, B, 4, H): gradients with respect to the pre-activations of the gates; with layer norm, da is with respect to
// W_i· x and dr with respect to W_h· h.
#include "recurrence.h"

namespace ISA {

template <class T, bool Normed>
struct Lstm {
    static constexpr int G = 4, Q = 1, kFirst = 4, kPlanes = 4, kFirstPlane = 0, kLastPlane = 3;
    static constexpr int kSums = Normed ? 17 : 7;  // da: 4, peepholes: 3, gains of x: 4, of h: 4, c's gain and shift
    static constexpr int kBuffers = Normed ? 3 : 1, kSaved = Normed ? 13 : 4;
    static constexpr bool kOwnBias = false, kMemory = true, kNormed = Normed;
    static bool two_products(const Sequence&) { return false; }
    const Run<T>& run;
    const Sequence& q = run.s;
    const long B = run.B, H = run.H, P = run.P;
    const Zone<T> zone_h{(const T*)q.zone_h, (T)q.zoneout_h}, zone_c{(const T*)q.zone_c, (T)q.zoneout_c};
    const T *const peep = (const T*)q.peepholes, *const norm = (const T*)q.norm;
    const bool projected = q.weight_hr;
    T* const buffers;
    T* const second = buffers;  // (B, H): with layer norm, forward c, backward the gradient with respect to N(c)
    explicit Lstm(const Run<T>& r, T* b) : run(r), buffers(b) {}
    T* wide() const { return buffers + (kBuffers - 1) * B * (H + 8); }  // (B, H): o ∘ tanh(c) before (7)
    T* output_gate() const { return buffers + B * (H + 8); }           // (B, H)
    T* saved(long t, long b, long unit) const {
        return q.gates ? (T*)q.gates + (t * B + b) * kSaved * H + unit : nullptr;
    }

    // N(W_i· x) and N(W_h· h) of gate g.
    void keep(long t, long b, long unit, int n, int g, Vec<T> from_x, Vec<T> from_h) const {
        T* to = saved(t, b, unit);
        if (!to) return;
        store(to + (4 + g) * H, from_x, n);
        store(to + (8 + g) * H, from_h, n);
    }

    MEMBER void step(long t, long b, long unit, int n, const Vec<T>* gx, const Vec<T>* gh, const T*, int) {
        const long at = (t * B + b) * H + unit;
        T* to = saved(t, b, unit);
        if (!run.alive(t, b)) {
            if (!projected) store((T*)q.y + at, Vec<T>{}, n);
            else store(wide() + b * H + unit, Vec<T>{}, n);
            store((T*)q.c + at, Vec<T>{}, n);
            for (int j = 0; to && j < 4; j++) store(to + j * H, Vec<T>{}, n);
            return;
        }
        const Vec<T> c_before = load(run.c_before(t, b) + unit, n);
        Vec<T> ai = gx[0] + gh[0], af = gx[1] + gh[1], ao = gx[3] + gh[3];
        if (peep) {
            ai += load(peep + unit, n) * c_before;
            af += load(peep + H + unit, n) * c_before;
        }
        const Vec<T> i = sigmoid(ai), f = sigmoid(af), g = tanh_(gx[2] + gh[2]);  // (1) (2) (3)
        Vec<T> c = f * c_before + i * g;                                          // (4)
        if (peep) ao += load(peep + 2 * H + unit, n) * c;
        const Vec<T> o = sigmoid(ao);  // (5)
        if (to) {
            store(to, i, n);
            store(to + H, f, n);
            store(to + 2 * H, g, n);
            store(to + 3 * H, o, n);
        }
        if (Normed) {
            store(second + b * H + unit, c, n);
            store(output_gate() + b * H + unit, o, n);
        } else {
            hand_on(t, b, unit, n, o * tanh_(c));  // (6)
        }
        if (zone_c.on()) {
            const Vec<T> m = zone_c.kept(at, n);
            c = m * c_before + (T(1) - m) * c;
        }
        store((T*)q.c + at, c, n);
    }

    void output(long t, long b, long unit, int n, const Normal<T>& of_c) {
        const Vec<T> c = of_c(load(second + b * H + unit, n));
        if (T* to = saved(t, b, unit)) store(to + 12 * H, c, n);
        hand_on(t, b, unit, n, load(output_gate() + b * H + unit, n) * tanh_(gained(c, unit, n)));  // (6)
    }
    Vec<T> gained(Vec<T> c, long unit, int n) const {
        return load(norm + 8 * H + unit, n) * c + load(norm + 9 * H + unit, n);
    }

    MEMBER void hand_on(long t, long b, long unit, int n, Vec<T> h) {
        if (projected)
            store(wide() + b * H + unit, h, n);
        else
            put(t, b, unit, n, h);
    }
    MEMBER void put(long t, long b, long unit, int n, Vec<T> h) {
        const long at = (t * B + b) * P + unit;
        if (zone_h.on()) {
            const Vec<T> m = zone_h.kept(at, n);
            h = m * load(run.h_before(t, b) + unit, n) + (T(1) - m) * h;
        }
        store((T*)q.y + at, h, n);
    }

    // The gradient with respect to the new h; dh keeps the part that zoneout passes to the previous step.
    MEMBER Vec<T> take(long t, long b, long unit, int n, T* dh) {
        const long at = (t * B + b) * P + unit;
        Vec<T> d = load(dh) + load((const T*)q.dy + at, n), pass = {};
        if (zone_h.on()) {
            const Vec<T> m = zone_h.kept(at, n);
            pass = m * d;
            d = (T(1) - m) * d;
        }
        store(dh, pass);
        return d;
    }

    // With a projection dh is the gradient with respect to o ∘ tanh(c). With layer norm, part 0 computes the gradient with
    // respect to N(c), part 1 to the gates, part 2 to the products.
    MEMBER void back(long t, long b, long unit, int n, T* dh, T* dc, T*, Vec<T>* sums, int part) {
        const long row = t * B + b, at = row * H + unit;
        const T* kept = saved(t, b, unit);
        T* da = (T*)q.da + row * 4 * H + unit;
        if (Normed && part == 2) return to_products(row, b, unit, n, kept, da, (T*)q.dr + row * 4 * H + unit, sums + 7);
        const Vec<T> o = load(kept + 3 * H, n);
        if (Normed && part == 0) {
            const Vec<T> d = projected ? load(dh) : take(t, b, unit, n, dh), c = load(kept + 12 * H, n);
            const Vec<T> squashed = tanh_(gained(c, unit, n)), by_gained = d * o * (T(1) - squashed * squashed);
            if (projected) store((T*)q.wide + at, o * squashed, n);
            store(da + 3 * H, d * squashed * o * (T(1) - o), n);
            store(second + b * H + unit, by_gained * load(norm + 8 * H + unit, n), n);
            sums[15] += by_gained * c;
            sums[16] += by_gained;
            return;
        }
        const Vec<T> i = load(kept, n), f = load(kept + H, n), g = load(kept + 2 * H, n);
        const Vec<T> c_before = load(run.c_before(t, b) + unit, n);
        Vec<T> dc_after = load(dc), pass_c = {}, c = load((const T*)q.c + at, n);
        if (zone_c.on()) {
            const Vec<T> m = zone_c.kept(at, n);
            pass_c = m * dc_after;
            dc_after = (T(1) - m) * dc_after;
            c = f * c_before + i * g;
        }
        Vec<T> da_o;
        if (Normed) {
            da_o = load(da + 3 * H, n);
            dc_after += through_norm(row, 2, load(second + b * H + unit, n), load(kept + 12 * H, n), rows(b) + 4, H);
        } else {
            const Vec<T> d = projected ? load(dh) : take(t, b, unit, n, dh), squashed = tanh_(c);
            if (projected) store((T*)q.wide + at, o * squashed, n);
            da_o = d * squashed * o * (T(1) - o);
            dc_after += d * o * (T(1) - squashed * squashed);
        }
        if (peep) dc_after += load(peep + 2 * H + unit, n) * da_o;
        const Vec<T> da_i = dc_after * g * i * (T(1) - i), da_f = dc_after * c_before * f * (T(1) - f);
        const Vec<T> da_g = dc_after * i * (T(1) - g * g);
        pass_c += dc_after * f;
        if (peep) {
            pass_c += load(peep + unit, n) * da_i + load(peep + H + unit, n) * da_f;
            sums[4] += da_i * c_before;
            sums[5] += da_f * c_before;
            sums[6] += da_o * c;
        }
        store(da, da_i, n);
        store(da + H, da_f, n);
        store(da + 2 * H, da_g, n);
        store(da + 3 * H, da_o, n);
        store(dc, pass_c);
        sums[0] += da_i;
        sums[1] += da_f;
        sums[2] += da_g;
        sums[3] += da_o;
    }

    // ---- gradients through layer norm ----
    //
    // For v̂ = N(v) and the gradient e with respect to v̂:  dv = (e − mean(e) − v̂ · mean(e ∘ v̂)) / deviation.

    // Two sums for each of x, h and c: Σ e and Σ e ∘ v̂ over the row of a lane.
    T* rows(long b) const { return buffers + B * (H + 8) + b * 6; }
    Vec<T> through_norm(long row, int which, Vec<T> e, Vec<T> normalised, const T* sums, long count) const {
        return ((const T*)q.scales)[row * 3 + which] * (e - sums[0] / count - normalised * (sums[1] / count));
    }

    void sum_memory(long t, long b0, long b1) {
        for (long b = b0; b < b1; b++) {
            if (!run.alive(t, b)) continue;
            Vec<T> both[2] = {};
            for (long unit = 0; unit < H; unit += Lanes<T>::W) {
                const int n = (int)min_(Lanes<T>::W, H - unit);
                const Vec<T> e = load(second + b * H + unit, n);
                both[0] += e;
                both[1] += e * load(saved(t, b, unit) + 12 * H, n);
            }
            for (int j = 0; j < 2; j++) rows(b)[4 + j] = sum<T>(both[j]);
        }
    }

    void sum_gates(long t, long b0, long b1) {
        for (long b = b0; b < b1; b++) {
            if (!run.alive(t, b)) continue;
            Vec<T> all[4] = {};
            const T *da = (const T*)q.da + (t * B + b) * 4 * H, *kept = saved(t, b, 0);
            for (long g = 0; g < 4; g++)
                for (long unit = 0; unit < H; unit += Lanes<T>::W) {
                    const int n = (int)min_(Lanes<T>::W, H - unit);
                    const Vec<T> d = load(da + g * H + unit, n);
                    const Vec<T> ex = d * load(norm + g * H + unit, n), eh = d * load(norm + (4 + g) * H + unit, n);
                    all[0] += ex;
                    all[1] += ex * load(kept + (4 + g) * H + unit, n);
                    all[2] += eh;
                    all[3] += eh * load(kept + (8 + g) * H + unit, n);
                }
            for (int j = 0; j < 4; j++) rows(b)[j] = sum<T>(all[j]);
        }
    }

    void to_products(long row, long b, long unit, int n, const T* kept, T* da, T* dr, Vec<T>* sums) const {
        for (long g = 0; g < 4; g++) {
            const Vec<T> d = load(da + g * H, n);
            const Vec<T> x = load(kept + (4 + g) * H, n), h = load(kept + (8 + g) * H, n);
            const Vec<T> ex = d * load(norm + g * H + unit, n), eh = d * load(norm + (4 + g) * H + unit, n);
            store(da + g * H, through_norm(row, 0, ex, x, rows(b), 4 * H), n);
            store(dr + g * H, through_norm(row, 1, eh, h, rows(b) + 2, 4 * H), n);
            sums[g] += d * x;
            sums[4 + g] += d * h;
        }
    }
};

template <class T>
using Plain = Lstm<T, false>;
template <class T>
using WithNorm = Lstm<T, true>;
extern const Kernel lstm_forward[2], lstm_backward[2], normed_forward[2], normed_backward[2];
const Kernel lstm_forward[2] = {run_forward<Plain<float>, float>, run_forward<Plain<double>, double>};
const Kernel lstm_backward[2] = {run_backward<Plain<float>, float>, run_backward<Plain<double>, double>};
const Kernel normed_forward[2] = {run_forward<WithNorm<float>, float>, run_forward<WithNorm<double>, double>};
const Kernel normed_backward[2] = {run_backward<WithNorm<float>, float>, run_backward<WithNorm<double>, double>};

}  // namespace ISA
