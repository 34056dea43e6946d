// The vanilla recurrent network; the equations are numbered as in cells/rnn.py.
//
//   (1)  a_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh
//   (2)  h_t = f(a_t),   f = tanh or ReLU
//
// gates (T, B, 2, H): f(a_t) and a_t.   da (T, B, 1, H): gradient with respect to a_t.
#include "recurrence.h"

namespace ISA {

template <class T>
struct Elman {
    static constexpr int G = 1, Q = 4, kFirst = 4, kPlanes = 1, kFirstPlane = 0, kLastPlane = 0, kSums = 1, kBuffers = 0;
    static constexpr bool kOwnBias = false, kMemory = false, kNormed = false;
    static bool two_products(const Sequence&) { return false; }
    const Run<T>& run;
    const Sequence& q = run.s;
    const Zone<T> zone{(const T*)q.zone_h, (T)q.zoneout_h};
    T* second;
    Elman(const Run<T>& r, T* buffer) : run(r), second(buffer) {}

    MEMBER void step(long t, long b, long unit, int n, const Vec<T>* gx, const Vec<T>* gh, const T*, int) {
        const long at = (t * run.B + b) * run.H + unit;
        T* saved = q.gates ? (T*)q.gates + (t * run.B + b) * 2 * run.H + unit : nullptr;
        if (!run.alive(t, b)) {
            store((T*)q.y + at, Vec<T>{}, n);
            if (saved) store(saved, Vec<T>{}, n), store(saved + run.H, Vec<T>{}, n);
            return;
        }
        const Vec<T> a = gx[0] + gh[0];                                    // (1)
        Vec<T> h = q.relu ? (a < T(0) ? Vec<T>{} : a) : tanh_(a);          // (2)
        if (saved) store(saved, h, n), store(saved + run.H, a, n);
        if (zone.on()) {
            const Vec<T> m = zone.kept(at, n);
            h = m * load(run.h_before(t, b) + unit, n) + (T(1) - m) * h;
        }
        store((T*)q.y + at, h, n);
    }

    MEMBER void back(long t, long b, long unit, int n, T* dh, T*, T*, Vec<T>* sums, int) {
        const long at = (t * run.B + b) * run.H + unit;
        Vec<T> d = load(dh) + load((const T*)q.dy + at, n), pass = {};
        Vec<T> h = load((const T*)q.y + at, n);
        if (zone.on()) {
            const Vec<T> m = zone.kept(at, n);
            pass = m * d;
            d = (T(1) - m) * d;
            h = load((const T*)q.gates + (t * run.B + b) * 2 * run.H + unit, n);
        }
        const Vec<T> da = q.relu ? (h > T(0) ? d : Vec<T>{}) : d * (T(1) - h * h);
        store((T*)q.da + at, da, n);
        store(dh, pass);
        sums[0] += da;
    }
};

extern const Kernel elman_forward[2], elman_backward[2];
const Kernel elman_forward[2] = {run_forward<Elman<float>, float>, run_forward<Elman<double>, double>};
const Kernel elman_backward[2] = {run_backward<Elman<float>, float>, run_backward<Elman<double>, double>};

}  // namespace ISA
