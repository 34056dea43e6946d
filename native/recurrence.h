// A cell carried through time, forward and backward: what all cells share. A cell (elman.cpp, gru.cpp, lstm.cpp)
// adds its equations for one lane and one vector of units.
//
// Threads: lanes are divided among them and nobody waits for anybody; with fewer lanes than are worth dividing, the
// units are divided instead and all wait for each other after every step.
#pragma once

#include "gemm.h"
#include "sequence.h"
#include "team.h"

namespace ISA {

template <class T>
struct Run {
    const Sequence& s;
    const long T_, B, I, H;
    const int64_t* lengths;
    const uint8_t* resets;
    const bool reverse;

    explicit Run(const Sequence& q)
        : s(q), T_(q.T), B(q.B), I(q.I), H(q.H), lengths((const int64_t*)q.lengths),
          resets((const uint8_t*)q.resets), reverse(q.reverse) {}

    long length(long b) const { return lengths ? lengths[b] : T_; }
    bool alive(long t, long b) const { return !lengths || t < lengths[b]; }
    // Whether the state before step t is the one that a reset puts there.
    bool fresh(long t, long b) const {
        if (!resets) return false;
        if (!reverse) return resets[t * B + b];
        return t + 1 < length(b) && resets[(t + 1) * B + b];
    }
    // Whether step t is the first that lane b runs.
    bool first(long t, long b) const { return t == (reverse ? length(b) - 1 : 0); }

    // The row of a state before step t, given what was saved after each step, the start and a reset's value.
    const T* before(long t, long b, const void* saved, const void* start, const void* initial) const {
        if (fresh(t, b)) return (const T*)initial + b * H;
        if (first(t, b)) return (const T*)start + b * H;
        return (const T*)saved + ((reverse ? t + 1 : t - 1) * B + b) * H;
    }
    const T* h_before(long t, long b) const { return before(t, b, s.y, s.h0, s.hi); }
    const T* c_before(long t, long b) const { return before(t, b, s.c, s.c0, s.ci); }

    // Whether the rows of h before step t lie beside each other, to be multiplied as they are.
    bool rows_as_they_lie() const { return !resets && !s.mask && !(lengths && reverse); }
    const T* h_rows(long t) const {
        const long start = reverse ? T_ - 1 : 0;
        return t == start ? (const T*)s.h0 : (const T*)s.y + (reverse ? t + 1 : t - 1) * B * H;
    }
};

template <class T>
struct Range {
    long b0, b1;  // lanes
    long p0, p1;  // panels of units (forward)
    long n0, n1;  // panels of h (backward)
    bool alone;   // nobody else works on these lanes
};

constexpr long kFewLanes = 4;  // that many and fewer: the weights are read as torch stores them, units are divided

template <class T>
static Range<T> divide(long B, long panels, long across, const Team& team, int id) {
    if (B >= 4 * team.size || team.size == 1)
        return {share(B, id, team.size), share(B, id + 1, team.size), 0, panels, 0, across, true};
    return {0, B, share(panels, id, team.size), share(panels, id + 1, team.size), share(across, id, team.size),
            share(across, id + 1, team.size), false};
}

// h before step t of lanes [b0, b1) as the product sees it: gathered where rows come from different places, masked.
template <class T>
static void gather(const Run<T>& run, long t, long b0, long b1, T* to) {
    const long H = run.H;
    for (long b = b0; b < b1; b++) {
        const T* h = run.h_before(t, b);
        const T* m = run.s.mask ? (const T*)run.s.mask + b * H : nullptr;
        T* row = to + b * H;
        if (!run.alive(t, b))
            memset(row, 0, H * sizeof(T));
        else if (m)
            for (long j = 0; j < H; j++) row[j] = h[j] * m[j];
        else
            memcpy(row, h, H * sizeof(T));
    }
}

// The state after the last step of every lane.
template <class T>
static void final_state(const Run<T>& run, long b0, long b1, const void* saved, const void* start,
                        const void* initial, void* to) {
    for (long b = b0; b < b1; b++) {
        const long n = run.length(b), H = run.H;
        const T* row;
        if (n == 0)
            row = (const T*)start + b * H;
        else if (run.reverse && run.resets && run.resets[b])
            row = (const T*)initial + b * H;
        else
            row = (const T*)saved + ((run.reverse ? 0 : n - 1) * run.B + b) * H;
        memcpy((T*)to + b * H, row, H * sizeof(T));
    }
}

// Sums of products as the panels give them: (slots, panels, lanes, vectors of a panel).
template <class T>
struct Sums {
    T* base;
    long panels, lanes, width;
    T* at(long slot, long panel, long b) const { return base + ((slot * panels + panel) * lanes + b) * width; }
};

// ---- forward ---------------------------------------------------------------------------------------------------
//
// Cell::G gates, Cell::Q vectors of units of each gate in a panel. cell.step(t, b, unit, n, gx, gh, h, part): the
// equations for n units of one lane, from the products with x (biases included) and with h, and that h. A cell whose
// last gate needs the others before its own product, GRU (3b), is asked twice: part 0, then part 1.

template <class Cell, class T>
struct Forward {
    static constexpr int G = Cell::G, Q = Cell::Q, NR = G * Q, W = Lanes<T>::W, Group = Q == 1 ? 4 : 1;
    const Run<T> run;
    const Sequence& q;
    const long B = run.B, H = run.H, I = run.I;
    const long panels = (H + Q * W - 1) / (Q * W), Hp = panels * Q * W, panel_h = NR * W * H, panel_x = NR * W * I;
    const bool few = B <= kFewLanes, pack_x = run.T_ * B >= 16, gathered = !run.rows_as_they_lie();
    const bool twice = Cell::two_products(q);
    const long chunk = max_(1, min_(min_(16, run.T_), (1 << 20) * q.threads / max_(1, B * G * Hp * (long)sizeof(T))));
    Workspace memory;
    T *const packed_x, *const packed_h, *const hb, *const bias;
    const Sums<T> gx, gh;
    Cell cell;

    explicit Forward(const Sequence& sequence)
        : run(sequence), q(sequence),
          memory(sizeof(T) * size_t(pack_x * panels * panel_x + !few * panels * panel_h + (chunk + 1) * B * G * Hp +
                                    2 * B * H + G * Hp + 1024)),
          packed_x(memory.next<T>(pack_x * panels * panel_x)), packed_h(memory.next<T>(!few * panels * panel_h)),
          hb(memory.next<T>(B * H)), bias(memory.next<T>(G * Hp)), gx{memory.next<T>(chunk * B * G * Hp), panels, B, NR * W},
          gh{memory.next<T>(B * G * Hp), panels, B, NR * W}, cell(run, memory.next<T>(B * H)) {
        const T *b_ih = (const T*)q.bias_ih, *b_hh = (const T*)q.bias_hh;
        for (int g = 0; g < G; g++)
            for (long j = 0; j < Hp; j++) {
                const bool apart = Cell::kOwnBias && g == G - 1;  // b_hn stays with its product
                const long unit = j % W, vector = j / W;
                bias[(vector / Q * NR + g * Q + vector % Q) * W + unit] = j < H && b_ih ? b_ih[g * H + j] + (apart ? T(0) : b_hh[g * H + j]) : T(0);
            }
    }

    void operator()() {
        run_team((int)q.threads, [&](Team& team, int id) {
            int phase = 0, nobodys = 0;  // how often this thread has waited for the team
            const long p0 = share(panels, id, team.size), p1 = share(panels, id + 1, team.size);
            if (pack_x) pack_gates<G, Q>((const T*)q.weight_ih, H, I, packed_x, p0, p1);
            if (!few) pack_gates<G, Q>((const T*)q.weight_hh, H, H, packed_h, p0, p1);
            team.wait(phase);
            const Range<T> mine = divide<T>(B, panels, 0, team, id);
            Team alone;
            Team& together = mine.alone ? alone : team;
            int& own_phase = mine.alone ? nobodys : phase;
            for (long s0 = 0; s0 < run.T_; s0 += chunk) {
                const long s1 = min_(s0 + chunk, run.T_);
                for (long p = mine.p0; p < mine.p1; p++)
                    for (long s = s0; s < s1; s++) project(mine, p, time(s), s - s0);
                for (long s = s0; s < s1; s++) step(mine, time(s), s - s0, together, own_phase, id);
            }
            if (mine.alone || id == 0) {
                final_state(run, mine.b0, mine.b1, q.y, q.h0, q.hi, q.hn);
                if (Cell::kMemory) final_state(run, mine.b0, mine.b1, q.c, q.c0, q.ci, q.cn);
            }
        });
    }

    long time(long s) const { return run.reverse ? run.T_ - 1 - s : s; }

    // W_ih x_t for one panel.
    void project(const Range<T>& mine, long p, long t, long slot) {
        const T* x = (const T*)q.x + (t * B + mine.b0) * I;
        T* to = gx.at(slot, p, mine.b0);
        const long rows = mine.b1 - mine.b0;
        if (pack_x)
            panel_product<NR>(rows, x, I, packed_x + p * panel_x, NR * W, I, Tile<T>{to, NR * W, W},
                              false, p + 1 < mine.p1 ? packed_x + (p + 1) * panel_x : (const T*)nullptr);
        else
            unpacked(rows, x, I, (const T*)q.weight_ih, I, p, 0, G, to);
    }

    void unpacked(long rows, const T* A, long lda, const T* weight, long K, long p, int g0, int g1, T* to) {
        const long unit = p * Q * W, n = min_(Q * W, H - unit);
        for (int g = g0; g < g1; g++)
            dot_product(rows, A, lda, weight + (g * H + unit) * K, K, n, K, to + g * Q * W, NR * W);
    }

    void step(const Range<T>& mine, long t, long slot, Team& together, int& phase, int id) {
        const T* h = gathered ? hb : run.h_rows(t);
        const T* W_hh = (const T*)q.weight_hh;
        const long rows = mine.b1 - mine.b0;
        if (gathered) {
            if (mine.alone || id == 0) gather(run, t, mine.b0, mine.b1, hb);
            together.wait(phase);
        }
        for (long group = mine.p0; group < mine.p1; group += Group) {
            const long end = min_(group + Group, mine.p1);
            for (long p = group; p < end; p++) {
                T* to = gh.at(0, p, mine.b0);
                const T* panel = packed_h + p * panel_h;
                const T* next = packed_h + (p + 1 < mine.p1 ? p + 1 : mine.p0) * panel_h;
                if (few)
                    unpacked(rows, h + mine.b0 * H, H, W_hh, H, p, 0, G - twice, to);
                else if (twice)
                    panel_product<Cell::kFirst>(rows, h + mine.b0 * H, H, panel, NR * W, H, Tile<T>{to, NR * W, W},
                                                false, next);
                else
                    panel_product<NR>(rows, h + mine.b0 * H, H, panel, NR * W, H, Tile<T>{to, NR * W, W}, false, next);
            }
            units(mine, t, slot, group, end, h, 0);
        }
        together.wait(phase);
        if (!twice) return;
        for (long p = mine.p0; p < mine.p1; p++) {
            T* to = gh.at(0, p, mine.b0);
            if (few)
                unpacked(rows, cell.second + mine.b0 * H, H, W_hh, H, p, G - 1, G, to);
            else
                panel_product<Q>(rows, cell.second + mine.b0 * H, H, packed_h + p * panel_h + (G - 1) * Q * W, NR * W,
                                 H, Tile<T>{to + (G - 1) * Q * W, NR * W, W}, false, (const T*)nullptr);
            units(mine, t, slot, p, p + 1, h, 1);
        }
        together.wait(phase);
    }

    // The equations for the units of panels [p0, p1), lane by lane: what lies beside each other is written together.
    void units(const Range<T>& mine, long t, long slot, long p0, long p1, const T* h, int part) {
        for (long b = mine.b0; b < mine.b1; b++)
            for (long p = p0; p < p1; p++) {
                const T *a = gx.at(slot, p, b), *r = gh.at(0, p, b), *c = bias + p * NR * W;
                for (int j = 0; j < Q; j++) {
                    const long unit = (p * Q + j) * W;
                    if (unit >= H) break;
                    Vec<T> from_x[G], from_h[G];
                    for (int g = 0; g < G; g++) {
                        const long at = (g * Q + j) * W;
                        from_x[g] = load(a + at) + load(c + at);
                        from_h[g] = load(r + at);
                    }
                    cell.step(t, b, unit, (int)min_(W, H - unit), from_x, from_h, h + b * H, part);
                }
            }
    }
};

// ---- backward --------------------------------------------------------------------------------------------------
//
// From the last step run to the first. dh and dc are the gradients by the state after a step; the cell turns them
// into da, the gradients by what enters its nonlinearities, and into those parts of the gradient by the state before
// that do not go through the product (1); what does is added here:   dh ← dh + da · W_hh.
//
// cell.back(t, b, unit, n, dh, dc, drh, sums, part) for n units of one lane. Cell::kPlanes planes of da, of which the
// product takes G from Cell::kFirstPlane on; Cell::kSums running sums over steps and lanes: dbias, then dpeepholes.

template <class Cell, class T>
struct Backward {
    static constexpr int G = Cell::G, W = Lanes<T>::W, PW = 4 * W, S = Cell::kPlanes;
    const Run<T> run;
    const Sequence& q;
    const long B = run.B, H = run.H, panels = (H + PW - 1) / PW, Hp = panels * PW;
    const bool twice = Cell::two_products(q);
    const bool as_it_lies = B <= kFewLanes && H % PW == 0;
    Workspace memory;
    T *const packed, *const dh, *const dc, *const through, *const sums;
    Cell cell;

    explicit Backward(const Sequence& sequence)
        : run(sequence), q(sequence),
          memory(sizeof(T) * size_t(!as_it_lies * G * H * Hp + 3 * B * Hp + q.threads * Cell::kSums * Hp + 2048)),
          packed(memory.next<T>(!as_it_lies * G * H * Hp)), dh(memory.next<T>(B * Hp)), dc(memory.next<T>(B * Hp)),
          through(memory.next<T>(B * Hp)), sums(memory.next<T>(q.threads * Cell::kSums * Hp)),
          cell(run, nullptr) {}

    void operator()() {
        run_team((int)q.threads, [&](Team& team, int id) {
            int phase = 0, nobodys = 0;  // how often this thread has waited for the team
            if (!as_it_lies)
                pack_across((const T*)q.weight_hh, G * H, H, packed, share(panels, id, team.size),
                            share(panels, id + 1, team.size));
            const Range<T> mine = divide<T>(B, panels, panels, team, id);
            T* own_sums = sums + id * Cell::kSums * Hp;
            memset(own_sums, 0, Cell::kSums * Hp * sizeof(T));
            if (mine.alone || id == 0) start(mine.b0, mine.b1);
            team.wait(phase);
            Team alone;
            Team& together = mine.alone ? alone : team;
            int& own_phase = mine.alone ? nobodys : phase;
            for (long s = run.T_ - 1; s >= 0; s--) step(mine, run.reverse ? run.T_ - 1 - s : s, own_sums, together, own_phase, id);
            if (mine.alone || id == 0) finish(mine.b0, mine.b1);
            team.wait(phase);
            if (id == 0) add_up(team.size);
        });
    }

    // dh and dc after the last step, from the gradients by the final state.
    void start(long b0, long b1) {
        for (long b = b0; b < b1; b++) {
            const bool replaced = run.reverse && run.resets && run.length(b) && run.resets[b];  // by a reset's value
            begin(b, replaced, q.dhn, dh, q.dhi);
            if (Cell::kMemory) begin(b, replaced, q.dcn, dc, q.dci);
        }
    }
    void begin(long b, bool replaced, const void* given, T* state, void* initial) {
        T* row = state + b * Hp;
        memset(row, 0, Hp * sizeof(T));
        if (initial) memset((T*)initial + b * H, 0, H * sizeof(T));
        if (given) memcpy(replaced ? (T*)initial + b * H : row, (const T*)given + b * H, H * sizeof(T));
    }

    void step(const Range<T>& mine, long t, T* own_sums, Team& together, int& phase, int id) {
        const T* W_hh = (const T*)q.weight_hh;
        T* da = (T*)q.da + t * B * S * H;
        const long u0 = mine.n0 * PW, u1 = min_(H, mine.n1 * PW);
        if (q.hb) {
            if (mine.alone || id == 0) gather(run, t, mine.b0, mine.b1, (T*)q.hb + t * B * H);
            together.wait(phase);
        }
        units(mine, t, u0, u1, own_sums, 0);
        together.wait(phase);
        if (twice) {  // through the last gate's own product: r ∘ h
            product(mine, da + Cell::kLastPlane * H, W_hh + (G - 1) * H * H, (G - 1) * H, H, through, false);
            units(mine, t, u0, u1, own_sums, 1);
            together.wait(phase);
        }
        const long K = (twice ? G - 1 : G) * H;
        if (q.mask) {
            product(mine, da + Cell::kFirstPlane * H, W_hh, 0, K, through, false);
            for (long b = mine.b0; b < mine.b1; b++)
                for (long j = u0; j < u1; j++) dh[b * Hp + j] += ((const T*)q.mask)[b * H + j] * through[b * Hp + j];
        } else {
            product(mine, da + Cell::kFirstPlane * H, W_hh, 0, K, dh, true);
        }
        if (run.resets)
            for (long b = mine.b0; b < mine.b1; b++)
                if (run.alive(t, b) && run.fresh(t, b)) {
                    hand_over(b, u0, u1, dh, q.dhi);
                    if (Cell::kMemory) hand_over(b, u0, u1, dc, q.dci);
                }
        together.wait(phase);
    }

    // What reached a state that a reset put there.
    void hand_over(long b, long u0, long u1, T* state, void* initial) {
        for (long j = u0; j < u1; j++) {
            ((T*)initial)[b * H + j] += state[b * Hp + j];
            state[b * Hp + j] = 0;
        }
    }

    // to [+]= da · W for rows [first, first + K) of W_hh.
    void product(const Range<T>& mine, const T* da, const T* weight, long first, long K, T* to, bool add) {
        constexpr long KB = 16384 / PW;  // rows of a panel that stay in the second cache
        for (long n = mine.n0; n < mine.n1; n++)
            for (long k = 0; k < K; k += KB) {
                const T* P = as_it_lies ? weight + k * H + n * PW : packed + (n * G * H + first + k) * PW;
                const long kc = min_(KB, K - k);
                panel_product<4>(mine.b1 - mine.b0, da + mine.b0 * S * H + k, S * H, P, as_it_lies ? H : PW, kc,
                                 Tile<T>{to + mine.b0 * Hp + n * PW, Hp, W}, add || k > 0,
                                 as_it_lies ? (const T*)nullptr : P + kc * PW);
            }
    }

    void units(const Range<T>& mine, long t, long u0, long u1, T* own_sums, int part) {
        constexpr int N = 4;  // vectors of units beside each other
        for (long begin = u0; begin < u1; begin += N * W) {
            Vec<T> total[N][Cell::kSums] = {};
            for (long b = mine.b0; b < mine.b1; b++) {
                const bool alive = run.alive(t, b);
                for (int i = 0; i < N; i++) {
                    const long unit = begin + i * W;
                    if (unit >= u1) break;
                    const int n = (int)min_(W, u1 - unit);
                    T *const a = dh + b * Hp + unit, *const m = dc + b * Hp + unit, *const r = through + b * Hp + unit;
                    if (alive)
                        cell.back(t, b, unit, n, a, m, r, total[i], part);
                    else
                        for (int j = 0; j < S; j++) store((T*)q.da + ((t * B + b) * S + j) * H + unit, Vec<T>{}, n);
                }
            }
            for (int i = 0; i < N && begin + i * W < u1; i++)
                for (int j = 0; j < Cell::kSums; j++) {
                    T* to = own_sums + j * Hp + begin + i * W;
                    store(to, load(to) + total[i][j]);
                }
        }
    }

    void finish(long b0, long b1) {
        for (long b = b0; b < b1; b++) {
            if (q.dh0) memcpy((T*)q.dh0 + b * H, dh + b * Hp, H * sizeof(T));
            if (Cell::kMemory && q.dc0) memcpy((T*)q.dc0 + b * H, dc + b * Hp, H * sizeof(T));
        }
    }

    void add_up(int threads) {
        for (int j = 0; j < Cell::kSums; j++) {
            T* to = j < S ? (q.dbias ? (T*)q.dbias + j * H : nullptr)
                          : (q.dpeepholes ? (T*)q.dpeepholes + (j - S) * H : nullptr);
            if (!to) continue;
            memset(to, 0, H * sizeof(T));
            for (int i = 0; i < threads; i++)
                for (long k = 0; k < H; k++) to[k] += sums[(i * Cell::kSums + j) * Hp + k];
        }
    }
};

// f(a) blended with the old value where zoneout keeps it: m∘old + (1−m)∘new, m a mask or, in evaluation, its mean.
template <class T>
struct Zone {
    const T* mask;
    T rate;
    Vec<T> kept(long at, int n) const { return mask ? load(mask + at, n) : fill(rate); }
    bool on() const { return mask || rate != 0; }
};

}  // namespace ISA
