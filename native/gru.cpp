// The gated recurrent unit; the equations are numbered as in cells/gru.py.
//
//   (1)  r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
//   (2)  z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
//   (3a) n_t = tanh(W_in x_t + b_in + r_t ∘ (W_hn h_{t-1} + b_hn))      reset after product
//   (3b) n_t = tanh(W_in x_t + b_in + W_hn (r_t ∘ h_{t-1}) + b_hn)      reset before it
//   (4)  h_t = z_t ∘ h_{t-1} + (1 − z_t) ∘ n_t
//
// gates (T, B, 4, H): r, z, n and W_hn h_{t-1} + b_hn.
// da (T, B, 4, H): gradients with respect to the pre-activations of n, r, z and to W_hn h_{t-1}: planes 0–2 belong to W_ih
// (n, r, z), planes 1–3 to W_hh (r, z, n).
#include "recurrence.h"

namespace ISA {

template <class T>
struct Gru {
    static constexpr int G = 3, Q = 1, kFirst = 2, kPlanes = 4, kFirstPlane = 1, kLastPlane = 3, kSums = 4, kBuffers = 1;
    static constexpr bool kOwnBias = true, kMemory = false, kNormed = false;
    static bool two_products(const Sequence& q) { return !q.reset_after; }
    const Run<T>& run;
    const Sequence& q = run.s;
    const Zone<T> zone{(const T*)q.zone_h, (T)q.zoneout_h};
    T* second;                  // (B, H): r ∘ h of (3b)
    Gru(const Run<T>& r, T* buffer) : run(r), second(buffer) {}

    MEMBER void step(long t, long b, long unit, int n, const Vec<T>* gx, const Vec<T>* gh, const T* h_masked, int part) {
        const long H = run.H, at = (t * run.B + b) * H + unit;
        T* saved = q.gates ? (T*)q.gates + (t * run.B + b) * 4 * H + unit : nullptr;
        if (!run.alive(t, b)) {
            store((T*)q.y + at, Vec<T>{}, n);
            for (int j = 0; saved && j < 4; j++) store(saved + j * H, Vec<T>{}, n);
            if (!q.reset_after && part == 0) store(second + b * H + unit, Vec<T>{}, n);  // in part 1 others read it
            return;
        }
        const Vec<T> r = sigmoid(gx[0] + gh[0]);  // (1)
        if (!q.reset_after && part == 0) return store(second + b * H + unit, r * load(h_masked + unit, n), n);
        const Vec<T> z = sigmoid(gx[1] + gh[1]);  // (2)
        Vec<T> from_h = gh[2];
        if (q.bias_hh) from_h += load((const T*)q.bias_hh + 2 * H + unit, n);
        const Vec<T> new_ = tanh_(gx[2] + (q.reset_after ? r * from_h : from_h));  // (3a) (3b)
        const Vec<T> h_before = load(run.h_before(t, b) + unit, n);
        Vec<T> h = z * h_before + (T(1) - z) * new_;  // (4)
        if (saved) {
            store(saved, r, n);
            store(saved + H, z, n);
            store(saved + 2 * H, new_, n);
            store(saved + 3 * H, from_h, n);
        }
        if (zone.on()) {
            const Vec<T> m = zone.kept(at, n);
            h = m * h_before + (T(1) - m) * h;
        }
        store((T*)q.y + at, h, n);
    }

    MEMBER void back(long t, long b, long unit, int n, T* dh, T*, T* through, Vec<T>* sums, int part) {
        const long H = run.H, row = t * run.B + b, at = row * H + unit;
        const T* saved = (const T*)q.gates + row * 4 * H + unit;
        T* da = (T*)q.da + row * 4 * H + unit;
        const Vec<T> r = load(saved, n);
        if (part == 1) {  // `through` is the gradient with respect to r ∘ h
            const Vec<T> drh = load(through), seen = load((const T*)q.hb + at, n);
            const Vec<T> da_r = drh * seen * r * (T(1) - r);
            store(da + H, da_r, n);
            sums[1] += da_r;
            const Vec<T> m = q.mask ? load((const T*)q.mask + b * H + unit, n) : fill(T(1));
            store(dh, load(dh) + drh * r * m);
            return;
        }
        const Vec<T> z = load(saved + H, n), new_ = load(saved + 2 * H, n);
        const Vec<T> h_before = load(run.h_before(t, b) + unit, n);
        Vec<T> d = load(dh) + load((const T*)q.dy + at, n), pass = {};
        if (zone.on()) {
            const Vec<T> m = zone.kept(at, n);
            pass = m * d;
            d = (T(1) - m) * d;
        }
        const Vec<T> da_z = d * (h_before - new_) * z * (T(1) - z);
        const Vec<T> da_n = d * (T(1) - z) * (T(1) - new_ * new_);
        store(da, da_n, n);
        store(da + 2 * H, da_z, n);
        store(dh, pass + d * z);
        sums[0] += da_n;
        sums[2] += da_z;
        if (q.reset_after) {
            const Vec<T> da_r = da_n * load(saved + 3 * H, n) * r * (T(1) - r), da_hn = da_n * r;
            store(da + H, da_r, n);
            store(da + 3 * H, da_hn, n);
            sums[1] += da_r;
            sums[3] += da_hn;
        } else {
            store(da + 3 * H, da_n, n);
            sums[3] += da_n;
        }
    }
};

extern const Kernel gru_forward[2], gru_backward[2];
const Kernel gru_forward[2] = {run_forward<Gru<float>, float>, run_forward<Gru<double>, double>};
const Kernel gru_backward[2] = {run_backward<Gru<float>, float>, run_backward<Gru<double>, double>};

}  // namespace ISA
