// A decoder with attention over a memory; the equations are numbered as in cells/attentive.py.
//
//   (2)  e_ti  = vᵀ tanh(W s_{t-1} + k_i)        additive: the query is the state before the step
//   (3)  a_ti  = softmax_i(e_ti)                 over the positions before the end of the sentence
//   (4)  c_t   = Σ_i m_ti h_i                    m_ti = a_ti; hard: 1 at one location, else 0
//   (4g) m_ti  is multiplied by σ(wᵀ s_{t-1} + b) with a gate
//   (5)  s_t   = cell(x_t, c_t, s_{t-1})         W_c c_t = Σ_i m_ti values_i where values_i = W_c h_i was computed
//                                                beforehand; without values W_u, here W_c, multiplies c_t in the step
//   (6)  y_t   = [s_t; c_t]
//
//   (5') s_t   = cell(x_t, u_{t-1}, s_{t-1})     multiplicative, with input feeding: the query is the state after it
//   (2') e_ti  = s_tᵀ k_i
//   (6') u_t   = tanh(Σ_i a_ti values_i + W_s s_t)
//
// Rows are divided among threads, without synchronisation. In each step a thread first multiplies all its rows by the
// weights, then computes attention and the cell row by row: keys and values of a row are read once per step, from the L3
// cache. Positions past the end of a sentence are never read.
#include "attention.h"

#include "gemm.h"
#include "team.h"

namespace ISA {
namespace attention {

// ---- products --------------------------------------------------------------------------------------------------

template <class T>
constexpr long kPanel = 4 * Lanes<T>::W;  // columns of a panel
template <class T>
constexpr long kDeep = 16384 / kPanel<T>;  // rows of a panel that fit into the L2 cache

constexpr long kFewRows = 12;  // rows · steps up to which packing costs more than it saves

// A weight (outputs, depth) by which rows are multiplied at every step.
template <class T>
struct Weight {
    const T* lies;
    long outputs, depth;
    T* packed;  // 0: used without packing
    static long padded(long n) { return round_up(n, kPanel<T>); }

    // to = rows · thisᵀ; rows of `to` are padded.
    void times(long rows, const T* A, long lda, T* to, long ld) const {
        if (!lies || !rows) return;
        if (!packed) return dot_product(rows, A, lda, lies, depth, outputs, depth, to, ld);
        const long panels = padded(outputs) / kPanel<T>, size = depth * kPanel<T>;
        for (long p = 0; p < panels; p++)
            panel_product<4>(rows, A, lda, packed + p * size, kPanel<T>, depth, at(to + p * kPanel<T>, ld), false,
                             p + 1 < panels ? packed + (p + 1) * size : (const T*)nullptr);
    }
    void pack(int id, int parts) const {
        const long panels = padded(outputs) / kPanel<T>;
        if (lies && packed) pack_gates<1, 4>(lies, outputs, depth, packed, share(panels, id, parts), share(panels, id + 1, parts));
    }

    // to += rows · these rows of it, [first, first + K).
    void back(long rows, const T* A, long lda, long first, long K, T* to, long ld) const {
        const long panels = padded(depth) / kPanel<T>;
        for (long p = 0; rows && p < panels; p++) {
            const T* panel = packed + (p * outputs + first) * kPanel<T>;
            for (long k = 0; k < K; k += kDeep<T>)
                panel_product<4>(rows, A + k, lda, panel + k * kPanel<T>, kPanel<T>, min_(kDeep<T>, K - k),
                                 at(to + p * kPanel<T>, ld), true, panel + min_(K, k + kDeep<T>) * kPanel<T>);
        }
    }
    void pack_back(int id, int parts) const {
        const long panels = padded(depth) / kPanel<T>;
        if (lies) pack_across(lies, outputs, depth, packed, share(panels, id, parts), share(panels, id + 1, parts));
    }
    static Tile<T> at(T* to, long ld) { return {to, ld, Lanes<T>::W}; }
};

// f(j, n) for the vectors of `width` numbers: n of them from j on.
template <class T, class F>
INLINE void each(long width, F f) {
    constexpr int W = Lanes<T>::W;
    long j = 0;
    for (; j + W <= width; j += W) f(j, W);
    if (j < width) f(j, (int)(width - j));
}

template <int R, class T>
INLINE void blend_rows(const T* weights, const T* rows, long stride, long width, T* to, bool add) {
    Vec<T> w[R];
    for (int r = 0; r < R; r++) w[r] = fill(weights[r]);
    each<T>(width, [&](long j, int n) {
        Vec<T> v = add ? load(to + j, n) : Vec<T>{};
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) v += w[r] * load(rows + r * stride + j, n);
        store(to + j, v, n);
    });
}

// to = [to +] Σ_i weights_i · row_i: a few rows at a time, so that each is read once.
template <class T>
static void blend(const T* weights, long count, const T* rows, long stride, long width, T* to, bool add) {
    for (long i = 0; i < count; i += 4, add = true) {
        const T *w = weights + i, *r = rows + i * stride;
        switch (min_(4, count - i)) {
            case 1: blend_rows<1>(w, r, stride, width, to, add); break;
            case 2: blend_rows<2>(w, r, stride, width, to, add); break;
            case 3: blend_rows<3>(w, r, stride, width, to, add); break;
            case 4: blend_rows<4>(w, r, stride, width, to, add); break;
        }
    }
}

// (rows, width) of `to` = [to +] A · P for an unpacked P (K, width).
template <class T>
static void multiply(long rows, const T* A, long lda, const T* P, long ldp, long K, long width, T* to, long ld, bool add) {
    constexpr int W = Lanes<T>::W;
    long j = 0;
    for (; j + 4 * W <= width; j += 4 * W)
        panel_product<4>(rows, A, lda, P + j, ldp, K, Tile<T>{to + j, ld, W}, add, (const T*)nullptr);
    for (; j + W <= width; j += W)
        panel_product<1>(rows, A, lda, P + j, ldp, K, Tile<T>{to + j, ld, W}, add, (const T*)nullptr);
    for (long r = 0; j < width && r < rows; r++) {
        blend(A + r * lda, K, P + j, ldp, width - j, to + r * ld + j, add);
        if (!K && !add) memset(to + r * ld + j, 0, (width - j) * sizeof(T));
    }
}

// ---- the inner cells -------------------------------------------------------------------------------------------
//
// One vector of units: x and h are the contributions of W_ih and W_hh to the gates, biases included.

template <class T>
struct Gru {  // cells/gru.py
    using V = Vec<T>;
    static constexpr int G = 3;
    static constexpr bool kMemory = false;
    INLINE V step(const V* x, const V* h, V h_before, V&, V* saved) {
        const V r = sigmoid(x[0] + h[0]), z = sigmoid(x[1] + h[1]);  // (1) (2)
        const V n = tanh_(x[2] + r * h[2]);                          // (3a)
        saved[0] = r, saved[1] = z, saved[2] = n, saved[3] = h[2];
        return z * h_before + (T(1) - z) * n;  // (4)
    }
    // dx and, for the last gate, by_h: gradients with respect to the inputs of the gates. d becomes the gradient that
    // passes directly to the previous state.
    INLINE void back(const V* saved, V h_before, V, V& d, V&, V* dx, V& by_h) {
        const V r = saved[0], z = saved[1], n = saved[2];
        dx[2] = d * (T(1) - z) * (T(1) - n * n);
        dx[1] = d * (h_before - n) * z * (T(1) - z);
        dx[0] = dx[2] * saved[3] * r * (T(1) - r);
        by_h = dx[2] * r;
        d *= z;
    }
};

template <class T>
struct Lstm {  // cells/lstm.py
    using V = Vec<T>;
    static constexpr int G = 4;
    static constexpr bool kMemory = true;
    INLINE V step(const V* x, const V* h, V, V& c, V* saved) {
        const V i = sigmoid(x[0] + h[0]), f = sigmoid(x[1] + h[1]);  // (1) (2)
        const V g = tanh_(x[2] + h[2]), o = sigmoid(x[3] + h[3]);    // (3) (5)
        c = f * c + i * g;                                           // (4)
        saved[0] = i, saved[1] = f, saved[2] = g, saved[3] = o;
        return o * tanh_(c);  // (6)
    }
    INLINE void back(const V* saved, V, V c_before, V& d, V& dc, V* dx, V&) {
        const V i = saved[0], f = saved[1], g = saved[2], o = saved[3], squashed = tanh_(f * c_before + i * g);
        dc += d * o * (T(1) - squashed * squashed);
        dx[0] = dc * g * i * (T(1) - i);
        dx[1] = dc * c_before * f * (T(1) - f);
        dx[2] = dc * i * (T(1) - g * g);
        dx[3] = d * squashed * o * (T(1) - o);
        dc *= f;
        d = V{};
    }
};

// ---- both directions -------------------------------------------------------------------------------------------

template <class Cell, class T>
struct Task {
    static constexpr int G = Cell::G, W = Lanes<T>::W;
    const Attention& q;
    const long T_ = q.T, N = q.N, S = q.S, B = q.B, H = q.H, A = q.A, C = q.C, Q = q.Q;
    const bool additive = q.weight_q, gated = Q > A;
    const bool fed = q.weight_u, late = fed && additive;  // late: c_t itself is computed, and multiplied in the step
    const T* const mix = (const T*)(q.mix ? q.mix : q.a);
    const long F = additive ? C : H, V = late ? C : additive ? G * H : H, Y = additive ? H + C : H;
    const int64_t *const lengths = (const int64_t*)q.lengths, *const rows = (const int64_t*)q.rows;

    long length(long n) const { return lengths ? lengths[n] : T_; }
    bool going(long t, long n) const { return t < length(n); }
    long sentence(long n) const { return rows ? rows[n] : n; }
    long seen(long n) const { return ((const int64_t*)q.seen)[sentence(n)]; }
    // Number of rows [n0, n1) up to and including the last one that has not ended.
    long living(long t, long n0, long n1) const {
        while (n1 > n0 && !going(t, n1 - 1)) n1--;
        return n1 - n0;
    }
    // The first row of part `part` of `parts` with equal numbers of steps.
    long cut(int part, int parts) const {
        if (!lengths || !part) return share(N, part, parts);
        long total = 0, before = 0, n = 0;
        for (long i = 0; i < N; i++) total += lengths[i];
        while (n < N && (before + lengths[n] / 2) * parts < total * part) before += lengths[n++];
        return part == parts ? N : n;
    }
    bool hard(long t, long n) const { return q.hard && !(q.draws && ((const T*)q.draws)[t * N + n] >= 1); }
    T* keys(long n) const { return (T*)q.keys + sentence(n) * A; }
    const T* values(long n) const { return (const T*)(late ? q.looked : q.values) + sentence(n) * V; }
    const T* s_rows(long t, long* ld) const {  // s_{t-1} of all rows
        *ld = t ? Y : H;
        return t ? (const T*)q.y + (t - 1) * N * Y : (const T*)q.h0;
    }
    const T* s_before(long t, long n) const {
        long ld;
        const T* first = s_rows(t, &ld);
        return first + n * ld;
    }
    const T* before(long t, long n, const void* saved, const void* start) const {
        return t ? (const T*)saved + ((t - 1) * N + n) * H : (const T*)start + n * H;
    }
};

// ---- forward ---------------------------------------------------------------------------------------------------

template <class Cell, class T>
struct Forward : Task<Cell, T> {
    using Base = Task<Cell, T>;
    using Base::G, Base::W, Base::q, Base::T_, Base::N, Base::S, Base::H, Base::A, Base::C, Base::Q, Base::F, Base::V,
        Base::Y, Base::additive, Base::fed, Base::late;
    const bool packing = T_ * N > kFewRows;
    const long Gp = Weight<T>::padded(G * H), Hp = Weight<T>::padded(H), Qp = additive ? Weight<T>::padded(Q) : Hp;
    const long Vp = round_up(V, W), Sp = round_up(S, W);
    Workspace memory;
    const Weight<T> W_hh, W_q, W_u, W_s;
    T *const gh, *const queries, *const gu;  // (N, ·): products; queries are W s_{t-1}, or W_s s_t
    T *const own;                            // of each thread: scores, and the weighted values

    explicit Forward(const Attention& given)
        : Base{given},
          memory(sizeof(T) * size_t((packing ? H * (Gp + Qp) + fed * F * Gp : 0) + N * (Gp + Qp + fed * Gp) +
                                    q.threads * (Sp + Vp) + 2048)),
          W_hh(weight(q.weight_hh, G * H, H)), W_q(weight(q.weight_q, Q, H)), W_u(weight(q.weight_u, G * H, F)),
          W_s(weight(q.weight_s, H, H)), gh(memory.next<T>(N * Gp)), queries(memory.next<T>(N * Qp)),
          gu(memory.next<T>(fed * N * Gp)), own(memory.next<T>(q.threads * (Sp + Vp))) {}

    Weight<T> weight(const void* lies, long outputs, long depth) {
        const bool packed = lies && packing;
        return {(const T*)lies, outputs, depth, packed ? memory.next<T>(Weight<T>::padded(outputs) * depth) : nullptr};
    }

    void operator()() {
        run_team(Calls::attention, double(T_ * N) * H * (G * H + A), (int)q.threads, [&](Team& team, int id, Turn& phase) {
            const Weight<T>* all[] = {&W_hh, &W_q, &W_u, &W_s};
            for (const Weight<T>* one : all) one->pack(id, team.size);
            team.wait(phase);
            T *const e = own + id * (Sp + Vp), *const found = e + Sp;
            each_part(q.threads, team, id, [&](int part) {
                const long n0 = this->cut(part, (int)q.threads), n1 = this->cut(part + 1, (int)q.threads);
                for (long t = 0; t < T_; t++) step(t, n0, n1, e, found);
                for (long n = n0; n < n1; n++) finish(n);
            });
        });
    }

    void step(long t, long n0, long n1, T* e, T* found) {
        const long alive = this->living(t, n0, n1);
        long ld;
        const T* s = this->s_rows(t, &ld) + n0 * ld;
        W_hh.times(alive, s, ld, gh + n0 * Gp, Gp);
        W_q.times(alive, s, ld, queries + n0 * Qp, Qp);
        if (!additive) W_u.times(alive, this->before(t, n0, q.u, q.u0), H, gu + n0 * Gp, Gp);
        for (long n = n0; n < n1; n++) {
            if (!this->going(t, n)) {
                nothing(t, n);
            } else if (additive) {
                T* query = queries + n * Qp;
                additive_scores(n, query, e);
                if (this->gated) query[A] += *(const T*)q.bias_g;
                if (q.queries) memcpy((T*)q.queries + (t * N + n) * Q, query, Q * sizeof(T));
                softmax(t, n, e);
                if (q.mix) choose(t, n, query);
                see(t, n, late ? context(t, n) : found);  // (4)
                if (!late) cell(t, n, found);
            } else {
                cell(t, n, gu + n * Gp);
            }
        }
        if (late) {
            W_u.times(alive, context(t, n0), Y, gu + n0 * Gp, Gp);
            for (long n = n0; n < n1; n++)
                if (this->going(t, n)) cell(t, n, gu + n * Gp);
        }
        if (additive) return;
        W_s.times(alive, (const T*)q.y + (t * N + n0) * H, H, queries + n0 * Qp, Qp);
        for (long n = n0; n < n1; n++) {
            if (!this->going(t, n)) continue;
            const T* state = (const T*)q.y + (t * N + n) * H;
            dot_product(1, state, H, this->keys(n), this->B * A, this->seen(n), A, e, S);  // (2')
            softmax(t, n, e);
            see(t, n, found);
            T* u = (T*)q.u + (t * N + n) * H;
            const T* from_state = queries + n * Qp;
            each<T>(H, [&](long j, int k) { store(u + j, tanh_(load(found + j, k) + load(from_state + j, k)), k); });  // (6')
        }
    }

    // (2)
    void additive_scores(long n, const T* query, T* e) const {
        const T *key = this->keys(n), *v = (const T*)q.v;
        for (long i = 0; i < this->seen(n); i++, key += this->B * A) {
            Vec<T> total[2] = {};
            long j = 0;
            for (; j + 2 * W <= A; j += 2 * W)
#pragma GCC unroll 2
                for (int k = 0; k < 2; k++) {
                    const long at = j + k * W;
                    total[k] += load(v + at) * tanh_(load(query + at) + load(key + at));
                }
            for (; j < A; j += W) {
                const int k = (int)min_(W, A - j);
                total[0] += load(v + j, k) * tanh_(load(query + j, k) + load(key + j, k));
            }
            e[i] = sum<T>(total[0] + total[1]);
        }
    }

    // (3)
    void softmax(long t, long n, const T* e) const {
        const long seen = this->seen(n);
        T* a = (T*)q.a + (t * N + n) * S;
        T largest = e[0], total = 0;
        for (long i = 1; i < seen; i++) largest = e[i] > largest ? e[i] : largest;
        each<T>(seen, [&](long i, int k) { store(a + i, exp_(load(e + i, k) - largest), k); });
        for (long i = 0; i < seen; i++) total += a[i];
        for (long i = 0; i < seen; i++) a[i] /= total;
        for (long i = seen; i < S; i++) a[i] = 0;
    }

    // m_ti, with (4g).
    void choose(long t, long n, const T* query) const {
        const long seen = this->seen(n);
        const T *a = (const T*)q.a + (t * N + n) * S, open = this->gated ? T(1) / (T(1) + exp(-query[A])) : T(1);
        T* m = (T*)q.mix + (t * N + n) * S;
        if (!this->hard(t, n)) {
            for (long i = 0; i < S; i++) m[i] = open * a[i];
            return;
        }
        long chosen = 0;
        if (q.draws) {  // by the cumulative distribution
            const T draw = ((const T*)q.draws)[t * N + n];
            T total = a[0];
            while (chosen + 1 < seen && total <= draw) total += a[++chosen];
        } else {
            for (long i = 1; i < seen; i++) chosen = a[i] > a[chosen] ? i : chosen;
        }
        memset(m, 0, S * sizeof(T));
        m[chosen] = open;
    }

    T* context(long t, long n) const { return (T*)q.y + (t * N + n) * Y + H; }

    void see(long t, long n, T* found) const {
        blend(this->mix + (t * N + n) * S, this->seen(n), this->values(n), this->B * V, V, found, false);
    }

    // (5) (5')
    void cell(long t, long n, const T* more) const {
        const long row = t * N + n;
        const T *x = (const T*)q.xg + row * G * H, *from_h = gh + n * Gp, *bias = (const T*)q.bias_hh;
        const T *s = this->s_before(t, n), *c_before = Cell::kMemory ? this->before(t, n, q.c, q.c0) : nullptr;
        T *y = (T*)q.y + row * Y, *saved = q.gates ? (T*)q.gates + row * 4 * H : nullptr;
        each<T>(H, [&](long unit, int k) {
            Vec<T> gx[G], g[G], kept[4], c = {};
            for (int i = 0; i < G; i++) {
                const long at = i * H + unit;
                gx[i] = load(x + at, k) + load(more + at, k);
                g[i] = load(from_h + at, k);
                if (bias) g[i] += load(bias + at, k);
            }
            if (Cell::kMemory) c = load(c_before + unit, k);
            store(y + unit, Cell::step(gx, g, load(s + unit, k), c, kept), k);
            if (Cell::kMemory) store((T*)q.c + row * H + unit, c, k);
            for (int i = 0; saved && i < 4; i++) store(saved + i * H + unit, kept[i], k);
        });
    }

    // Past the end of a row.
    void nothing(long t, long n) const {
        const long row = t * N + n;
        memset((T*)q.y + row * Y, 0, (late ? Y : H) * sizeof(T));
        memset((T*)q.a + row * S, 0, S * sizeof(T));
        if (q.mix) memset((T*)q.mix + row * S, 0, S * sizeof(T));
        if (Cell::kMemory) memset((T*)q.c + row * H, 0, H * sizeof(T));
        if (!additive) memset((T*)q.u + row * H, 0, H * sizeof(T));
        if (q.gates) memset((T*)q.gates + row * 4 * H, 0, 4 * H * sizeof(T));
        if (q.queries) memset((T*)q.queries + row * Q, 0, Q * sizeof(T));
    }

    // The state after the last step, and (4) for all steps at once where the loop itself does not need c_t.
    void finish(long n) const {
        const long last = this->length(n);
        memcpy((T*)q.hn + n * H, this->s_before(last, n), H * sizeof(T));
        if (Cell::kMemory) memcpy((T*)q.cn + n * H, this->before(last, n, q.c, q.c0), H * sizeof(T));
        if (!additive) memcpy((T*)q.un + n * H, this->before(last, n, q.u, q.u0), H * sizeof(T));
        if (C && !late)
            multiply(T_, this->mix + n * S, N * S, (const T*)q.looked + this->sentence(n) * C, this->B * C, this->seen(n),
                     C, context(0, n), N * Y, false);
    }
};

// ---- backward --------------------------------------------------------------------------------------------------
//
// From the last step to the first. ds, dc and du are the gradients with respect to the state after a step. Then the
// gradients with respect to the memory, sums over the steps of all rows of a sentence, divided among threads by sentences.
// Gradients with respect to the weights are sums over steps and rows, which Python computes as matrix products with torch.

template <class Cell, class T>
struct Backward : Task<Cell, T> {
    using Base = Task<Cell, T>;
    using Base::G, Base::W, Base::q, Base::T_, Base::N, Base::S, Base::B, Base::H, Base::A, Base::C, Base::Q, Base::F,
        Base::V, Base::Y, Base::additive, Base::fed, Base::late, Base::rows;
    const long Hp = Weight<T>::padded(H), Fp = Weight<T>::padded(F), Ap = additive ? round_up(A, W) : 0;
    const long own_size = round_up(S * (T_ + 1), W);
    Workspace memory;
    const Weight<T> W_hh, W_q, W_u, W_s;
    T *const ds, *const dc, *const du;  // (N, ·)
    T* const da;                        // (T, N, S): gradient of m_ti, later of the scores
    T *const dcontext, *const dkeys;    // (T, N, ·) by c_t if it is late; (N, S, A) if rows share a sentence
    T *const dv, *const own;            // of each thread: dv, and a row's weights over all steps

    explicit Backward(const Attention& given)
        : Base{given},
          memory(sizeof(T) * size_t(Hp * (G * H + (additive ? Q : H)) + fed * Fp * G * H +
                                    N * Hp * (1 + Cell::kMemory + !additive) + T_ * N * (S + late * Fp) + key_size() +
                                    q.threads * (Ap + own_size) + 2048)),
          W_hh(weight(q.weight_hh, G * H, Hp, H)), W_q(weight(q.weight_q, Q, Hp, H)),
          W_u(weight(q.weight_u, G * H, Fp, F)), W_s(weight(q.weight_s, H, Hp, H)), ds(memory.next<T>(N * Hp)), dc(memory.next<T>(Cell::kMemory * N * Hp)),
          du(memory.next<T>(!additive * N * Hp)), da(memory.next<T>(T_ * N * S)),
          dcontext(memory.next<T>(late * T_ * N * Fp)), dkeys(memory.next<T>(key_size())), dv(memory.next<T>(q.threads * Ap)),
          own(memory.next<T>(q.threads * own_size)) {}

    Weight<T> weight(const void* lies, long outputs, long padded, long depth) {
        return {(const T*)lies, outputs, depth, lies ? memory.next<T>(outputs * padded) : nullptr};
    }
    long key_size() const { return additive && rows ? N * S * A : 0; }
    T* dkey(long i, long n) const { return rows ? dkeys + (n * S + i) * A : (T*)q.dkeys + (i * B + n) * A; }

    void operator()() {
        run_team(Calls::attention, double(T_ * N) * H * (G * H + A), (int)q.threads, [&](Team& team, int id, Turn& phase) {
            const Weight<T>* all[] = {&W_hh, &W_q, &W_u, &W_s};
            for (const Weight<T>* one : all) one->pack_back(id, team.size);
            team.wait(phase);
            each_part(q.threads, team, id, [&](int part) {
                const long n0 = this->cut(part, (int)q.threads), n1 = this->cut(part + 1, (int)q.threads);
                if (Ap) memset(dv + part * Ap, 0, Ap * sizeof(T));
                for (long n = n0; n < n1; n++) start(n);
                for (long t = T_ - 1; t >= 0; t--) step(t, n0, n1, dv + part * Ap);
                for (long n = n0; n < n1; n++) finish(n);
            });
            team.wait(phase);
            each_part(q.threads, team, id, [&](int part) {
                const long b0 = rows ? share(B, part, q.threads) : this->cut(part, (int)q.threads);
                const long b1 = rows ? share(B, part + 1, q.threads) : this->cut(part + 1, (int)q.threads);
                for (long b = b0; b < b1; b++) remembered(b, own + id * own_size);
            });
            if (additive && id == 0) {
                T* to = (T*)q.dv;
                for (long j = 0; j < A; j++) {
                    to[j] = 0;
                    for (int i = 0; i < q.threads; i++) to[j] += dv[i * Ap + j];
                }
            }
        });
    }

    void start(long n) const {
        begin(n, q.dhn, ds);
        if (Cell::kMemory) begin(n, q.dcn, dc);
        if (!additive) begin(n, q.dun, du);
        const long last = this->length(n), seen = this->seen(n);
        const bool by_context = C && q.dy && !late;
        if (by_context)  // (4) for all steps at once
            dot_product(last, (const T*)q.dy + n * Y + H, N * Y, (const T*)q.looked + this->sentence(n) * C, B * C, seen, C,
                        da + n * S, N * S);
        for (long t = 0; t < last; t++) {
            T* to = da + (t * N + n) * S;
            const T* given = q.da && !q.mix ? (const T*)q.da + (t * N + n) * S : nullptr;
            for (long i = 0; i < seen; i++) to[i] = (by_context ? to[i] : T(0)) + (given ? given[i] : T(0));
            if (!late) continue;
            T* d = dcontext + (t * N + n) * Fp;
            memset(d, 0, Fp * sizeof(T));
            if (q.dy) memcpy(d, (const T*)q.dy + (t * N + n) * Y + H, C * sizeof(T));
        }
        for (long i = 0; additive && i < S; i++) memset(dkey(i, n), 0, A * sizeof(T));
    }
    void begin(long n, const void* given, T* state) const {
        memset(state + n * Hp, 0, Hp * sizeof(T));
        if (given) memcpy(state + n * Hp, (const T*)given + n * H, H * sizeof(T));
    }

    void step(long t, long n0, long n1, T* dv) const {
        const long alive = this->living(t, n0, n1), first = t * N + n0;
        const T *dxg = (const T*)q.dxg + first * G * H, *dhg = (const T*)q.dhg + first * H;
        T *const s = ds + n0 * Hp, *const u = du + n0 * Hp;
        if (!additive) {
            for (long n = n0; n < n1; n++) output(t, n);
            W_s.back(alive, (const T*)q.dp + first * H, H, 0, H, s, Hp);
        }
        for (long n = n0; n < n1; n++) {
            if (!this->going(t, n)) {
                nothing(t, n);
            } else if (additive) {
                cell(t, n);
                if (!late) additive_scores(t, n, scores(t, n, (const T*)q.dxg + (t * N + n) * V), dv);
            } else {
                const T* de = scores(t, n, (const T*)q.dp + (t * N + n) * V);
                blend(de, this->seen(n), this->keys(n), B * A, A, ds + n * Hp, true);  // (2')
                cell(t, n);
            }
        }
        if (late) {
            W_u.back(alive, dxg, G * H, 0, G * H, dcontext + first * Fp, Fp);
            for (long n = n0; n < n1; n++)
                if (this->going(t, n)) additive_scores(t, n, scores(t, n, dcontext + (t * N + n) * Fp), dv);
        }
        W_hh.back(alive, dxg, G * H, 0, Cell::kMemory ? G * H : 2 * H, s, Hp);
        if (!Cell::kMemory) W_hh.back(alive, dhg, H, 2 * H, H, s, Hp);
        if (additive) W_q.back(alive, (const T*)q.dq + first * Q, Q, 0, Q, s, Hp);
        else W_u.back(alive, dxg, G * H, 0, G * H, u, Hp);
    }

    // (6')
    void output(long t, long n) const {
        const long row = (t * N + n) * H;
        T *const dp = (T*)q.dp + row, *const carried = du + n * Hp;
        if (!this->going(t, n)) {
            memset(dp, 0, H * sizeof(T));
            return;
        }
        each<T>(H, [&](long j, int k) {
            const Vec<T> u = load((const T*)q.u + row + j, k);
            Vec<T> d = load(carried + j, k);
            if (q.du) d += load((const T*)q.du + row + j, k);
            store(dp + j, d * (T(1) - u * u), k);
        });
        memset(carried, 0, H * sizeof(T));
    }

    // (3) and (4): the gradients with respect to a row's scores, from that with respect to Σ_i a_ti values_i.
    const T* scores(long t, long n, const T* by_seen) const {
        const long seen = this->seen(n);
        T* de = da + (t * N + n) * S;
        const T* a = (const T*)q.a + (t * N + n) * S;
        T total = 0;
        const T *value = this->values(n);
        long i = 0;
        T found[8];
        for (; i < seen; i += 8) {
            const long some = min_(8, seen - i);
            dot_product(1, by_seen, V, value + i * B * V, B * V, some, V, found, 8);
            for (long k = 0; k < some; k++) total += a[i + k] * (de[i + k] += found[k]);
        }
        if (q.mix) total = weights(t, n, de);
        for (i = 0; i < seen; i++) de[i] = a[i] * (de[i] - total);
        return de;
    }

    // (4) and (4g): `de`, the gradients with respect to m_ti, become those with respect to a_ti. The sum of their products
    // with a_ti is returned.
    T weights(long t, long n, T* de) const {
        const long row = t * N + n;
        const T *a = (const T*)q.a + row * S, *m = this->mix + row * S, *given = q.da ? (const T*)q.da + row * S : nullptr;
        T open = 1, by_gate = 0, total = 0;
        const bool hard = this->hard(t, n);
        if (this->gated) open = T(1) / (T(1) + exp(-((const T*)q.queries)[row * Q + A]));
        for (long i = 0; i < this->seen(n); i++) {
            by_gate += m[i] * de[i];
            de[i] = (hard ? T(0) : open * de[i]) + (given ? given[i] : T(0));
            total += a[i] * de[i];
        }
        if (this->gated) ((T*)q.dq)[row * Q + A] = by_gate * (T(1) - open);
        return total;
    }

    // (2): tanh is recomputed, which is faster than storing and loading it.
    void additive_scores(long t, long n, const T* de, T* dv) const {
        const long row = (t * N + n) * Q;
        const T *key = this->keys(n), *v = (const T*)q.v, *query = (const T*)q.queries + row;
        T* dq = (T*)q.dq + row;
        memset(dq, 0, A * sizeof(T));
        for (long i = 0; i < this->seen(n); i++, key += B * A) {
            const Vec<T> d = fill(de[i]);
            T* to = dkey(i, n);
            each<T>(A, [&](long j, int k) {
                const Vec<T> squashed = tanh_(load(query + j, k) + load(key + j, k));
                const Vec<T> by_sum = d * load(v + j, k) * (T(1) - squashed * squashed);
                store(dv + j, load(dv + j) + d * squashed);
                store(dq + j, load(dq + j, k) + by_sum, k);
                store(to + j, load(to + j, k) + by_sum, k);
            });
        }
    }

    // (5) (5')
    void cell(long t, long n) const {
        const long row = t * N + n;
        const T *saved = (const T*)q.gates + row * 4 * H, *dy = q.dy ? (const T*)q.dy + row * Y : nullptr;
        const T *s = this->s_before(t, n), *c_before = Cell::kMemory ? this->before(t, n, q.c, q.c0) : nullptr;
        T *dxg = (T*)q.dxg + row * G * H, *carried = ds + n * Hp, *memory = dc + n * Hp;
        each<T>(H, [&](long unit, int k) {
            Vec<T> kept[4], dx[G], by_h = {}, c = {}, by_c = {}, d = load(carried + unit, k);
            for (int i = 0; i < 4; i++) kept[i] = load(saved + i * H + unit, k);
            if (dy) d += load(dy + unit, k);
            if (Cell::kMemory) c = load(c_before + unit, k), by_c = load(memory + unit, k);
            Cell::back(kept, load(s + unit, k), c, d, by_c, dx, by_h);
            for (int i = 0; i < G; i++) store(dxg + i * H + unit, dx[i], k);
            if (Cell::kMemory) store(memory + unit, by_c, k);
            else store((T*)q.dhg + row * H + unit, by_h, k);
            store(carried + unit, d, k);
        });
    }

    // Past the end of a row.
    void nothing(long t, long n) const {
        const long row = t * N + n;
        memset((T*)q.dxg + row * G * H, 0, G * H * sizeof(T));
        if (!Cell::kMemory) memset((T*)q.dhg + row * H, 0, H * sizeof(T));
        if (additive) memset((T*)q.dq + row * Q, 0, Q * sizeof(T));
    }

    void finish(long n) const {
        memcpy((T*)q.dh0 + n * H, ds + n * Hp, H * sizeof(T));
        if (Cell::kMemory) memcpy((T*)q.dc0 + n * H, dc + n * Hp, H * sizeof(T));
        if (!additive) memcpy((T*)q.du0 + n * H, du + n * Hp, H * sizeof(T));
    }

    // The gradients with respect to the memory of sentence b: of values, h and keys, m_ti or dscore_ti times gradients.
    void remembered(long b, T* scratch) const {
        const long seen = ((const int64_t*)q.seen)[b], width = additive ? G * H : H;
        bool add = false;
        for (long n = rows ? 0 : b; n < (rows ? N : b + 1); n++) {
            if (this->sentence(n) != b) continue;
            if (!late) add_up(n, this->mix, additive ? q.dxg : q.dp, width, width, 0, q.dvalues, scratch, add);
            if (late) add_up(n, this->mix, dcontext, Fp, C, 0, q.dlooked, scratch, add);
            else if (C) add_up(n, this->mix, q.dy, Y, C, H, q.dlooked, scratch, add);
            if (!additive) add_up(n, da, q.y, Y, A, 0, q.dkeys, scratch, add);
            const T one = 1;
            for (long i = 0; additive && rows && i < seen; i++)
                blend(&one, 1, dkey(i, n), A, A, (T*)q.dkeys + (i * B + b) * A, add);
            add = true;
        }
        for (long i = add ? seen : 0; i < S; i++) {  // what no row reads
            memset((T*)q.dkeys + (i * B + b) * A, 0, A * sizeof(T));
            if (!late) memset((T*)q.dvalues + (i * B + b) * width, 0, width * sizeof(T));
            if (C) memset((T*)q.dlooked + (i * B + b) * C, 0, C * sizeof(T));
        }
    }
    // to (S, B, width) = [to +] Σ_t weights_ti · from_t, columns [first, first + width) of rows of ld numbers.
    void add_up(long n, const T* weights, const void* from, long ld, long width, long first, void* to, T* scratch, bool add) const {
        const long steps = from ? this->length(n) : 0, seen = this->seen(n);
        for (long t = 0; t < steps; t++)
            for (long i = 0; i < seen; i++) scratch[i * steps + t] = weights[(t * N + n) * S + i];
        multiply(seen, scratch, steps, (const T*)from + n * ld + first, N * ld, steps, width,
                 (T*)to + this->sentence(n) * width, B * width, add);
    }
};

template <class Cell, class T>
static void run_forward(const Attention& q) {
    Forward<Cell, T>{q}();
}
template <class Cell, class T>
static void run_backward(const Attention& q) {
    Backward<Cell, T>{q}();
}

}  // namespace attention

// [cell: gru, lstm][type: float, double]
extern const AttentionKernel attention_forward[2][2], attention_backward[2][2];
#define ALL(run) \
    {{run<attention::Gru<float>, float>, run<attention::Gru<double>, double>}, \
     {run<attention::Lstm<float>, float>, run<attention::Lstm<double>, double>}}
const AttentionKernel attention_forward[2][2] = ALL(attention::run_forward);
const AttentionKernel attention_backward[2][2] = ALL(attention::run_backward);

}  // namespace ISA
