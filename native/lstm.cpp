// Long short-term memory; the equations' numbers are those of cells/lstm.py.
//
//   (1)  i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi [+ p_i ∘ c_{t-1}])
//   (2)  f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf [+ p_f ∘ c_{t-1}])
//   (3)  g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
//   (4)  c_t = f_t ∘ c_{t-1} + i_t ∘ g_t
//   (5)  o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho [+ p_o ∘ c_t])
//   (6)  h_t = o_t ∘ tanh(c_t)
//
// gates (T, B, 4, H): i, f, g, o.   da (T, B, 4, H): gradients by what enters σ, σ, tanh, σ.
#include "recurrence.h"

namespace ISA {

template <class T>
struct Lstm {
    static constexpr int G = 4, Q = 1, kFirst = 4, kPlanes = 4, kFirstPlane = 0, kLastPlane = 3, kSums = 7;
    static constexpr bool kOwnBias = false, kMemory = true;
    static bool two_products(const Sequence&) { return false; }
    const Run<T>& run;
    const Sequence& q = run.s;
    const Zone<T> zone_h{(const T*)q.zone_h, (T)q.zoneout_h}, zone_c{(const T*)q.zone_c, (T)q.zoneout_c};
    const T* const peep = (const T*)q.peepholes;
    T* second;
    Lstm(const Run<T>& r, T* buffer) : run(r), second(buffer) {}

    void step(long t, long b, long unit, int n, const Vec<T>* gx, const Vec<T>* gh, const T*, int) {
        const long H = run.H, at = (t * run.B + b) * H + unit;
        T* saved = q.gates ? (T*)q.gates + (t * run.B + b) * 4 * H + unit : nullptr;
        if (!run.alive(t, b)) {
            store((T*)q.y + at, Vec<T>{}, n);
            store((T*)q.c + at, Vec<T>{}, n);
            for (int j = 0; saved && j < 4; j++) store(saved + j * H, Vec<T>{}, n);
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
        Vec<T> h = o * tanh_(c);       // (6)
        if (saved) {
            store(saved, i, n);
            store(saved + H, f, n);
            store(saved + 2 * H, g, n);
            store(saved + 3 * H, o, n);
        }
        if (zone_h.on()) {
            const Vec<T> m = zone_h.kept(at, n);
            h = m * load(run.h_before(t, b) + unit, n) + (T(1) - m) * h;
        }
        if (zone_c.on()) {
            const Vec<T> m = zone_c.kept(at, n);
            c = m * c_before + (T(1) - m) * c;
        }
        store((T*)q.y + at, h, n);
        store((T*)q.c + at, c, n);
    }

    void back(long t, long b, long unit, int n, T* dh, T* dc, T*, Vec<T>* sums, int) {
        const long H = run.H, row = t * run.B + b, at = row * H + unit;
        const T* saved = (const T*)q.gates + row * 4 * H + unit;
        T* da = (T*)q.da + row * 4 * H + unit;
        const Vec<T> i = load(saved, n), f = load(saved + H, n), g = load(saved + 2 * H, n), o = load(saved + 3 * H, n);
        const Vec<T> c_before = load(run.c_before(t, b) + unit, n);
        Vec<T> d = load(dh) + load((const T*)q.dy + at, n), dc_after = load(dc), pass_h = {}, pass_c = {};
        Vec<T> c = load((const T*)q.c + at, n);
        if (zone_h.on()) {
            const Vec<T> m = zone_h.kept(at, n);
            pass_h = m * d;
            d = (T(1) - m) * d;
        }
        if (zone_c.on()) {
            const Vec<T> m = zone_c.kept(at, n);
            pass_c = m * dc_after;
            dc_after = (T(1) - m) * dc_after;
            c = f * c_before + i * g;
        }
        const Vec<T> squashed = tanh_(c);
        const Vec<T> da_o = d * squashed * o * (T(1) - o);
        dc_after += d * o * (T(1) - squashed * squashed);
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
        store(dh, pass_h);
        store(dc, pass_c);
        sums[0] += da_i;
        sums[1] += da_f;
        sums[2] += da_g;
        sums[3] += da_o;
    }
};

template <class T>
static void forward_(const Sequence& q) {
    Forward<Lstm<T>, T>{q}();
}
template <class T>
static void backward_(const Sequence& q) {
    Backward<Lstm<T>, T>{q}();
}
extern const Kernel lstm_forward[2], lstm_backward[2];
const Kernel lstm_forward[2] = {forward_<float>, forward_<double>};
const Kernel lstm_backward[2] = {backward_<float>, backward_<double>};

}  // namespace ISA
