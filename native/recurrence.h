// The forward and backward pass of a recurrence, shared by all cells. A cell (elman.cpp, gru.cpp, lstm.cpp) adds its
// equations for one lane and one vector of units.
//
// Layer norm and the projection of an LSTM need all units of a lane; they are additional passes over the units of a step,
// separated by the team's barrier.
//
// Threads: the lanes are divided among them, without synchronisation; with too few lanes the units are divided instead,
// with a barrier after every step. Products over all steps (products.h) are divided by units and rows.
#pragma once

#include "products.h"
#include "sequence.h"

namespace ISA {

template <class T>
struct Run {
    const Sequence& s;
    const long T_, B, I, H, P;
    const int64_t* lengths;
    const uint8_t* resets;
    const bool reverse;

    explicit Run(const Sequence& q)
        : s(q), T_(q.T), B(q.B), I(q.I), H(q.H), P(q.P), lengths((const int64_t*)q.lengths),
          resets((const uint8_t*)q.resets), reverse(q.reverse) {}

    long length(long b) const { return lengths ? lengths[b] : T_; }
    bool alive(long t, long b) const { return !lengths || t < lengths[b]; }
    // Number of lanes [b0, b1) up to and including the last one alive; if sorted by length, all of these are alive.
    long living(long t, long b0, long b1) const {
        while (b1 > b0 && !alive(t, b1 - 1)) b1--;
        return b1 - b0;
    }
    // The first lane of part `part` of `parts` with equal numbers of steps.
    long cut(int part, int parts) const {
        if (!lengths) return share(B, part, parts);
        long total = 0, before = 0, b = 0;
        for (long i = 0; i < B; i++) total += lengths[i];
        while (b < B && part && (before + lengths[b] / 2) * parts < total * part) before += lengths[b++];
        return part == parts ? B : b;
    }
    // Whether the state before step t is that of a reset.
    bool fresh(long t, long b) const {
        if (!resets) return false;
        if (!reverse) return resets[t * B + b];
        return t + 1 < length(b) && resets[(t + 1) * B + b];
    }
    // Whether step t is the first that lane b runs.
    bool first(long t, long b) const { return t == (reverse ? length(b) - 1 : 0); }

    // The row of a state before step t: from the states saved after each step, the initial state, or that of a reset.
    const T* before(long t, long b, long width, const void* saved, const void* start, const void* initial) const {
        if (fresh(t, b)) return (const T*)initial + b * width;
        if (first(t, b)) return (const T*)start + b * width;
        return (const T*)saved + ((reverse ? t + 1 : t - 1) * B + b) * width;
    }
    const T* h_before(long t, long b) const { return before(t, b, P, s.y, s.h0, s.hi); }
    const T* c_before(long t, long b) const { return before(t, b, H, s.c, s.c0, s.ci); }

    // Whether the rows of h before step t are contiguous and need no gathering.
    bool rows_as_they_lie() const { return !resets && !s.mask && !(lengths && reverse); }
    const T* h_rows(long t) const {
        const long start = reverse ? T_ - 1 : 0;
        return t == start ? (const T*)s.h0 : (const T*)s.y + (reverse ? t + 1 : t - 1) * B * P;
    }
};

template <class T>
struct Range {
    long b0, b1;  // lanes
    long p0, p1;  // panels of units
    long n0, n1;  // panels of h: the same units, or those of the projection
    long l0, l1;  // lanes whose rows this thread sums
    bool alone;   // no other thread works on these lanes
};

constexpr long kFewLanes = 4;  // with at most this many lanes, a call of few steps uses the weights without packing
constexpr long kHeavy = 5 << 18;  // bytes of recurrent weights beyond a core's L2 cache, better divided among the threads
constexpr long kLight = 1 << 19;  // bytes of weights that are read in less time than the barriers of layer norm take

// How the work is divided: lanes among the threads or, with too few lanes, units.
template <class T>
struct Division {
    const Run<T>& run;
    const long panels, across;
    const bool by_lanes;  // into as many parts as there may be threads; sums over the lanes of a part are added in order

    Division(const Run<T>& r, bool normed, bool quick, long bytes, long panels_of_units, long panels_of_h)
        : run(r), panels(panels_of_units), across(panels_of_h), by_lanes(enough(normed, quick, bytes)) {}

    bool enough(bool normed, bool quick, long bytes) const {
        // dividing the weights is worth one barrier per step; layer norm has seven
        const long least = bytes > kHeavy ? (quick ? 32 : 8) : normed && bytes < kLight ? 1 : 4;
        return run.B >= least * run.s.threads;
    }
    // Call f(range, part) for what this thread computes.
    template <class F>
    void each(const Team& team, int id, F f) const {
        const long B = run.B;
        if (by_lanes)
            each_part(run.s.threads, team, id, [&](int part) {
                const long b0 = run.cut(part, (int)run.s.threads), b1 = run.cut(part + 1, (int)run.s.threads);
                f(Range<T>{b0, b1, 0, panels, 0, across, b0, b1, true}, part);
            });
        else
            f(Range<T>{0, B, share(panels, id, team.size), share(panels, id + 1, team.size), share(across, id, team.size),
                       share(across, id + 1, team.size), share(B, id, team.size), share(B, id + 1, team.size),
                       team.size == 1},
              id);
    }
};

// h before step t of lanes [b0, b1) as the operand of the product: gathered if its rows are not contiguous, and masked.
template <class T>
static void gather(const Run<T>& run, long t, long b0, long b1, T* to) {
    const long P = run.P;
    for (long b = b0; b < b1; b++) {
        const T* h = run.h_before(t, b);
        const T* m = run.s.mask ? (const T*)run.s.mask + b * P : nullptr;
        T* row = to + b * P;
        if (!run.alive(t, b))
            memset(row, 0, P * sizeof(T));
        else if (m)
            for (long j = 0; j < P; j++) row[j] = h[j] * m[j];
        else
            memcpy(row, h, P * sizeof(T));
    }
}

// The state after the last step of every lane.
template <class T>
static void final_state(const Run<T>& run, long b0, long b1, long width, const void* saved, const void* start,
                        const void* initial, void* to) {
    for (long b = b0; b < b1; b++) {
        const long n = run.length(b);
        const T* row;
        if (n == 0)
            row = (const T*)start + b * width;
        else if (run.reverse && run.resets && run.resets[b])
            row = (const T*)initial + b * width;
        else
            row = (const T*)saved + ((run.reverse ? 0 : n - 1) * run.B + b) * width;
        memcpy((T*)to + b * width, row, width * sizeof(T));
    }
}

// Sums of products in the layout of the panels: (panels, slots, lanes, vectors of a panel).
template <class T>
struct Sums {
    T* base;
    long slots, lanes, width;
    T* at(long slot, long panel, long b) const { return base + ((panel * slots + slot) * lanes + b) * width; }
};

// (x − mean) · scale of a row, layer norm without its gain.
template <class T>
struct Normal {
    T mean, scale;
    Vec<T> operator()(Vec<T> x) const { return (x - mean) * scale; }
};

// v with zeros from lane n on.
template <class T>
INLINE Vec<T> first_lanes(Vec<T> v, int n) {
    for (int j = n; j < Lanes<T>::W; j++) v[j] = 0;
    return v;
}

// Mean and scale of a row, whose vectors each(f) passes to f(vector, lanes), with zeros beyond the lanes.
template <class T, class Each>
INLINE Normal<T> normal(long count, T eps, Each each) {
    Vec<T> total = {}, squares = {};
    each([&](Vec<T> v, int) { total += v; });
    const T mean = sum<T>(total) / count;
    each([&](Vec<T> v, int n) {
        v = first_lanes<T>(v - mean, n);
        squares += v * v;
    });
    return {mean, 1 / sqrt(sum<T>(squares) / count + eps)};
}

// f(a) blended with the old value where zoneout keeps it: m∘old + (1−m)∘new, m a mask or, in evaluation, its mean.
template <class T>
struct Zone {
    const T* mask;
    T rate;
    Vec<T> kept(long at, int n) const { return mask ? load(mask + at, n) : fill(rate); }
    bool on() const { return mask || rate != 0; }
};

// ---- forward ---------------------------------------------------------------------------------------------------
//
// Cell::G gates, Cell::Q vectors of units of each gate in a panel. cell.step(t, b, unit, n, gx, gh, h, part) computes the
// equations for n units of one lane, from the products with x (biases included) and with h, and from h. A cell whose last
// gate needs the others before its own product, GRU (3b), is called twice: with part 0, then part 1. If Cell::kNormed,
// every product is normalised, and cell.output(…) computes the output once the row of c is complete.

template <class Cell, class T, class E = T>
struct Forward {
    using X = Element<E>;
    static constexpr int G = Cell::G, Q = Cell::Q, NR = G * Q, W = Lanes<T>::W, PW = 4 * W;
    static constexpr int Group = Cell::kNormed ? 1 << 30 : Q == 1 ? 4 : 1;  // panels between whose products and units
    const Run<T> run;
    const Sequence& q;
    const long B = run.B, H = run.H, I = run.I, P = run.P;
    const long panels = (H + Q * W - 1) / (Q * W), Hp = panels * Q * W, panel_h = NR * W * X::depth(P), panel_x = NR * W * X::depth(I);
    static constexpr bool kPairs = !__is_same(E, T);
    const long pairs_h = kPairs * X::depth(P), pairs_x = kPairs * X::depth(I);
    const bool projected = Cell::kMemory && q.weight_hr;
    const long across = projected ? (P + PW - 1) / PW : 0, panel_p = PW * H;
    const int64_t* const ids = (const int64_t*)q.ids;
    const bool many = kPairs || run.T_ * B >= 16, pack_x = many && !ids, look_up = many && ids;
    const bool few = B <= kFewLanes && !many, gathered = !run.rows_as_they_lie();
    const bool twice = Cell::two_products(q);
    const long chunk = max_(1, min_(min_(few ? 64 : 16, run.T_), (1 << 20) * q.threads / max_(1, B * G * Hp * (long)sizeof(T))));
    const long spread_out = (Cell::kNormed ? 3 : 1) * G * Hp, normals = Cell::kNormed * (chunk + 2) * B;
    Workspace memory;
    E *const packed_x, *const packed_h, *const paired_x, *const paired_h;
    T *const table, *const packed_p, *const hb, *const bias;
    const Sums<T> gx, gh, hp;
    Normal<T>* const norms;
    Cell cell;

    explicit Forward(const Sequence& sequence)
        : run(sequence), q(sequence),
          memory(sizeof(T) * size_t(pack_x * panels * panel_x + look_up * panels * NR * W * I + !few * (panels * panel_h + across * panel_p) +
                                    B * (chunk * pairs_x + pairs_h) +
                                    (chunk + 1) * B * G * Hp + across * B * PW + B * P + Cell::kBuffers * B * (H + 8) +
                                    spread_out + 2 * normals + 2048)),
          packed_x(memory.next<E>(pack_x * panels * panel_x)), packed_h(memory.next<E>(!few * panels * panel_h)),
          paired_x(memory.next<E>(chunk * B * pairs_x)), paired_h(memory.next<E>(B * pairs_h)),
          table(memory.next<T>(look_up * panels * NR * W * I)), packed_p(memory.next<T>(!few * across * panel_p)), hb(memory.next<T>(B * P)),
          bias(memory.next<T>(spread_out)), gx{memory.next<T>(chunk * B * G * Hp), chunk, B, NR * W},
          gh{memory.next<T>(B * G * Hp), 1, B, NR * W}, hp{memory.next<T>(across * B * PW), 1, B, PW},
          norms(memory.next<Normal<T>>(normals)), cell(run, memory.next<T>(Cell::kBuffers * B * (H + 8))) {
        const T *b_ih = (const T*)q.bias_ih, *b_hh = (const T*)q.bias_hh, *norm = (const T*)q.norm;
        T* to = bias;
        for (long p = 0; p < panels; p++)
            for (int g = 0; g < G; g++)
                for (int j = 0; j < Q; j++, to += W) {
                    const long unit = (p * Q + j) * W, at = g * H + unit;
                    const int n = (int)max_(0, min_(W, H - unit));
                    const bool apart = Cell::kOwnBias && g == G - 1;  // b_hn stays with its product
                    store(to, b_ih && n ? load(b_ih + at, n) + (apart ? Vec<T>{} : load(b_hh + at, n)) : Vec<T>{});
                    if (!Cell::kNormed) continue;
                    store(to + G * Hp, n ? load(norm + at, n) : Vec<T>{});
                    store(to + 2 * G * Hp, n ? load(norm + G * H + at, n) : Vec<T>{});
                }
    }

    void operator()() {
        const Division<T> division(run, Cell::kNormed, kPairs && kMatrixUnit, G * H * P * (long)sizeof(T), panels, across);
        run_team(Calls::recurrence, double(run.T_ * B) * G * H * (P + I * !ids), (int)q.threads, [&](Team& team, int id, Turn& turn) {
            [[maybe_unused]] const Products products_of_this_thread;
            const long p0 = share(panels, id, team.size), p1 = share(panels, id + 1, team.size);
            if (pack_x) pack_gates<G, Q>((const T*)q.weight_ih, H, I, packed_x, p0, p1);
            if (look_up) pack_gates<G, Q>((const T*)q.weight_ih, H, I, table, p0, p1);
            if (!few) pack_gates<G, Q>((const T*)q.weight_hh, H, P, packed_h, p0, p1);
            if (!few && projected)
                pack_gates<1, 4>((const T*)q.weight_hr, P, H, packed_p, share(across, id, team.size),
                                 share(across, id + 1, team.size));
            team.wait(turn);
            division.each(team, id, [&](const Range<T>& mine, int) {
                Team alone;
                Turn nobodys;
                all_steps(mine, mine.alone ? alone : team, mine.alone ? nobodys : turn, id);
            });
        });
    }

    void all_steps(const Range<T>& mine, Team& together, Turn& phase, int id) {
        for (long s0 = 0; s0 < run.T_; s0 += chunk) {
            const long steps = min_(chunk, run.T_ - s0), t0 = run.reverse ? run.T_ - s0 - steps : s0;
            if constexpr (kPairs) {
                for (long slot = 0; !ids && slot < steps; slot++)
                    for (long b = mine.l0; b < mine.l1; b++)
                        pair_up((const T*)q.x + ((t0 + slot) * B + b) * I, I, paired_x + (slot * B + b) * pairs_x);
                together.wait(phase);
            }
            for (long p = mine.p0; p < mine.p1; p++)
                if (ids)
                    choose(mine, p, t0, steps);
                else
                    project(mine, p, t0, steps);
            if constexpr (Cell::kNormed) {
                together.wait(phase);
                for (long slot = 0; slot < steps; slot++) measure(mine, gx, slot, of_x(slot));
            }
            for (long s = 0; s < steps; s++) {
                const long slot = run.reverse ? steps - 1 - s : s;
                step(mine, t0 + slot, slot, together, phase, id);
            }
        }
        if (mine.alone || id == 0) {
            final_state(run, mine.b0, mine.b1, P, q.y, q.h0, q.hi, q.hn);
            if (Cell::kMemory) final_state(run, mine.b0, mine.b1, H, q.c, q.c0, q.ci, q.cn);
        }
    }

    Normal<T>* of_x(long slot) const { return norms + slot * B; }
    Normal<T>* of_h() const { return norms + chunk * B; }
    Normal<T>* of_c() const { return norms + (chunk + 1) * B; }

    // W_ih x_t for one panel and some steps; a thread with all lanes, none of which ends, multiplies their rows together.
    void project(const Range<T>& mine, long p, long t0, long steps) {
        const bool all = mine.b1 - mine.b0 == B && !run.lengths;
        const long depth = X::depth(I);
        for (long slot = 0; slot < (all ? 1 : steps); slot++) {
            const long rows = all ? steps * B : run.living(t0 + slot, mine.b0, mine.b1);
            const T* x = (const T*)q.x + ((t0 + slot) * B + mine.b0) * I;
            T* to = gx.at(slot, p, mine.b0);
            if (pack_x)
                across_panel<NR>(p, rows, operand(x, paired_x + (slot * B + mine.b0) * pairs_x), depth,
                                 packed_x + p * panel_x, to, p + 1 < mine.p1 ? packed_x + (p + 1) * panel_x : nullptr);
            else
                unpacked(rows, x, I, (const T*)q.weight_ih, I, p, 0, G, to);
        }
    }

    // The product with panel p: of a cell with one gate only the vectors that have units.
    template <int N>
    void across_panel(long p, long rows, const E* A, long depth, const E* panel, T* to, const E* next) {
        if constexpr (G == 1 && N > 1)
            if ((p * Q + N - 1) * W >= H) return across_panel<N - 1>(p, rows, A, depth, panel, to, next);
        panel_product<N>(rows, A, depth, panel, NR * W, depth, Tile<T>{to, NR * W, W}, false, next);
    }

    // W_ih x_t where x_t is a token id: a row of the packed weights.
    void choose(const Range<T>& mine, long p, long t0, long steps) {
        for (long slot = 0; slot < steps; slot++)
            for (long b = mine.b0; b < mine.b1; b++) {
                const long id = ids[(t0 + slot) * B + b];
                T* to = gx.at(slot, p, b);
                if (look_up) {
                    memcpy(to, table + (p * I + id) * NR * W, NR * W * sizeof(T));
                    continue;
                }
                for (int g = 0; g < G; g++)
                    for (long j = 0, unit = p * Q * W; j < Q * W; j++, unit++)
                        to[g * Q * W + j] = unit < H ? ((const T*)q.weight_ih)[(g * H + unit) * I + id] : T(0);
            }
    }
    static const T* operand(const T* numbers, const T*) { return numbers; }
    static const Pair* operand(const T*, const Pair* pairs) { return pairs; }

    void pair_rows(const Range<T>& mine, const T* h, Team& together, Turn& phase) {
        if constexpr (kPairs) {
            for (long b = mine.l0; b < mine.l1; b++) pair_up(h + b * P, P, paired_h + b * pairs_h);
            together.wait(phase);
        }
    }

    void unpacked(long rows, const T* A, long lda, const T* weight, long K, long p, int g0, int g1, T* to) {
        Strip<T> strips[NR];
        long count = 0;
        for (int g = g0; g < g1; g++)
            for (int j = 0; j < Q; j++)
                if (const long unit = (p * Q + j) * W; unit < H)
                    strips[count++] = {weight + (g * H + unit) * K, min_(W, H - unit), to + (g * Q + j) * W};
        strip_product(rows, A, lda, strips, count, K, K, NR * W, false);
    }

    // Mean and scale of every lane's products, over all gates and units together.
    void measure(const Range<T>& mine, const Sums<T>& products, long slot, Normal<T>* found) const {
        for (long b = mine.l0; b < mine.l1; b++)
            found[b] = normal<T>(G * H, (T)q.eps, [&](auto f) {
                for (long p = 0; p < panels; p++)
                    for (int j = 0; j < NR; j++)
                        if (const long unit = (p * Q + j % Q) * W; unit < H) {
                            const int n = (int)min_(W, H - unit);
                            f(load(products.at(slot, p, b) + j * W, n), n);
                        }
            });
    }

    void step(const Range<T>& mine, long t, long slot, Team& together, Turn& phase, int id) {
        const T* h = gathered ? hb : run.h_rows(t);
        const T* W_hh = (const T*)q.weight_hh;
        const long rows = run.living(t, mine.b0, mine.b1);
        if (gathered) {
            if (mine.alone || id == 0) gather(run, t, mine.b0, mine.b1, hb);
            together.wait(phase);
        }
        pair_rows(mine, h, together, phase);
        const E* rows_h = operand(h + mine.b0 * P, paired_h + mine.b0 * pairs_h);
        for (long group = mine.p0; group < mine.p1; group += Group) {
            const long end = min_(group + Group, mine.p1);
            for (long p = group; p < end; p++) {
                T* to = gh.at(0, p, mine.b0);
                const E* panel = packed_h + p * panel_h;
                const E* next = packed_h + (p + 1 < mine.p1 ? p + 1 : mine.p0) * panel_h;
                if (few)
                    unpacked(rows, h + mine.b0 * P, P, W_hh, P, p, 0, G - twice, to);
                else if (twice)
                    panel_product<Cell::kFirst>(rows, rows_h, X::depth(P), panel, NR * W, X::depth(P),
                                                Tile<T>{to, NR * W, W}, false, next);
                else
                    across_panel<NR>(p, rows, rows_h, X::depth(P), panel, to, next);
            }
            if (!Cell::kNormed) units(mine, t, slot, group, end, h, 0);
        }
        together.wait(phase);
        if constexpr (Cell::kNormed) {
            measure(mine, gh, 0, of_h());
            together.wait(phase);
            units(mine, t, slot, mine.p0, mine.p1, h, 0);
            together.wait(phase);
            measure_memory(mine, t, slot);
            together.wait(phase);
            for (long b = mine.b0; b < mine.b1; b++)
                for (long unit = mine.p0 * Q * W; run.alive(t, b) && unit < min_(H, mine.p1 * Q * W); unit += W)
                    cell.output(t, b, unit, (int)min_(W, H - unit), of_c()[b]);
            together.wait(phase);
        }
        if constexpr (Cell::kMemory)
            if (projected) {
                narrow(mine, t);
                together.wait(phase);
            }
        if (!twice) return;
        pair_rows(mine, cell.second, together, phase);
        const E* rows_rh = operand(cell.second + mine.b0 * P, paired_h + mine.b0 * pairs_h);
        for (long p = mine.p0; p < mine.p1; p++) {
            T* to = gh.at(0, p, mine.b0);
            if (few)
                unpacked(rows, cell.second + mine.b0 * H, H, W_hh, H, p, G - 1, G, to);
            else
                panel_product<Q>(rows, rows_rh, X::depth(P), packed_h + p * panel_h + (G - 1) * Q * W, NR * W,
                                 X::depth(P), Tile<T>{to + (G - 1) * Q * W, NR * W, W}, false, (const E*)nullptr);
            units(mine, t, slot, p, p + 1, h, 1);
        }
        together.wait(phase);
    }

    // The equations for the units of panels [p0, p1), lane by lane, so that contiguous memory is written together.
    void units(const Range<T>& mine, long t, long slot, long p0, long p1, const T* h, int part) {
        for (long b = mine.b0; b < mine.b1; b++)
            for (long p = p0; p < p1; p++) {
                const T *a = gx.at(slot, p, b), *r = gh.at(0, p, b), *c = bias + p * NR * W;
                for (int j = 0; j < Q; j++) {
                    const long unit = (p * Q + j) * W;
                    if (unit >= H) break;
                    const int n = (int)min_(W, H - unit);
                    Vec<T> from_x[G], from_h[G];
                    for (int g = 0; g < G; g++) {
                        const long at = (g * Q + j) * W;
                        from_x[g] = load(a + at);
                        from_h[g] = load(r + at);
                        if constexpr (Cell::kNormed) {
                            from_x[g] = of_x(slot)[b](from_x[g]);
                            from_h[g] = of_h()[b](from_h[g]);
                            cell.keep(t, b, unit, n, g, from_x[g], from_h[g]);
                            from_x[g] *= load(c + G * Hp + at);
                            from_h[g] *= load(c + 2 * G * Hp + at);
                        }
                        from_x[g] += load(c + at);
                    }
                    cell.step(t, b, unit, n, from_x, from_h, h + b * P, part);
                }
            }
    }

    // Mean and scale of c; the scales of x, h and c are saved for backward.
    void measure_memory(const Range<T>& mine, long t, long slot) {
        for (long b = mine.l0; b < mine.l1; b++) {
            if (!run.alive(t, b)) continue;
            of_c()[b] = normal<T>(H, (T)q.eps, [&](auto f) {
                for (long unit = 0; unit < H; unit += W) {
                    const int n = (int)min_(W, H - unit);
                    f(load(cell.second + b * H + unit, n), n);
                }
            });
            if (!q.scales) continue;
            const T three[3] = {of_x(slot)[b].scale, of_h()[b].scale, of_c()[b].scale};
            memcpy((T*)q.scales + (t * B + b) * 3, three, sizeof three);
        }
    }

    // (7): project the cell's buffer `wide` to h.
    void narrow(const Range<T>& mine, long t) {
        const long rows = mine.b1 - mine.b0;
        for (long p = mine.n0; p < mine.n1; p++) {
            const T* wide = cell.wide() + mine.b0 * H;
            if (few)
                strip_product(rows, wide, H, (const T*)q.weight_hr + p * PW * H, H, min_(PW, P - p * PW), H,
                              hp.at(0, p, mine.b0), PW, false);
            else
                panel_product<4>(rows, wide, H, packed_p + p * panel_p, PW, H, Tile<T>{hp.at(0, p, mine.b0), PW, W},
                                 false, (const T*)nullptr);
            for (long b = mine.b0; b < mine.b1; b++)
                for (long unit = p * PW; unit < min_(P, (p + 1) * PW); unit += W) {
                    const int n = (int)min_(W, P - unit);
                    if (run.alive(t, b))
                        cell.put(t, b, unit, n, load(hp.at(0, p, b) + unit - p * PW));
                    else
                        store((T*)q.y + (t * B + b) * P + unit, Vec<T>{}, n);
                }
        }
    }
};

// ---- backward --------------------------------------------------------------------------------------------------
//
// In reverse order of execution. dh and dc are the gradients with respect to the state after a step. The cell turns them
// into da, the gradients with respect to its pre-activations, and into the parts of the gradient with respect to the
// previous state that bypass the product (1); the part through the product is added here:   dh ← dh + da · W_hh.
//
// cell.back(t, b, unit, n, dh, dc, drh, sums, part) for n units of one lane. Cell::kPlanes planes of da, of which the
// product takes G from Cell::kFirstPlane on; Cell::kSums running sums over steps and lanes: of da, dpeepholes, dnorm.
// With a projection, dh is first propagated through (7). With layer norm, part 1 has the sums over the row of c that the
// gradient of the norm needs; da then becomes the gradient with respect to W_ih x, and dr that with respect to W_hh h.

template <class Cell, class T, class E = T>
struct Backward {
    using X = Element<E>;
    static constexpr bool kPairs = !__is_same(E, T);
    static constexpr int G = Cell::G, W = Lanes<T>::W, PW = 4 * W, S = Cell::kPlanes;
    const Run<T> run;
    const Sequence& q;
    const long B = run.B, H = run.H, panels = (H + PW - 1) / PW, Hp = panels * PW;
    const long P = run.P, across = (P + PW - 1) / PW, Pp = across * PW;
    const bool twice = Cell::two_products(q), projected = Cell::kMemory && q.weight_hr;
    const bool as_it_lies = !kPairs && B <= kFewLanes && P % PW == 0;
    const long depth = X::depth(G * H), pairs = kPairs * depth;  // depths of W_hh read across, and of da
    const long columns = max_(P, max_((q.dweight_ih != nullptr) * run.I, projected * H));  // of a gradient of weights
    const long of_panels = max_(Desk<T, E>::panels_size(columns), (q.dx != nullptr) * Packed<T, E>::size(G * H, run.I));
    Workspace memory, desks;
    E *const packed, *const paired;
    T *const packed_p, *const dh, *const dc, *const wide, *const through, *const sums;
    E *const desk_panels, *const desk_rows;
    T *const desk_edges;
    Cell cell;

    explicit Backward(const Sequence& sequence)
        : run(sequence), q(sequence),
          memory(sizeof(T) * size_t(!as_it_lies * depth * Pp + B * pairs + projected * (P * Hp + B * Hp) + B * (2 * Pp + Hp) +
                                    q.threads * Cell::kSums * Hp + Cell::kBuffers * B * (H + 8) + 2048)),
          desks(sizeof(T) * size_t(of_panels + q.threads * (Desk<T, E>::rows_size + Desk<T, E>::edge_size) + 512)),
          packed(memory.next<E>(!as_it_lies * depth * Pp)), paired(memory.next<E>(B * pairs)),
          packed_p(memory.next<T>(projected * P * Hp)),
          dh(memory.next<T>(B * Pp)), dc(memory.next<T>(B * Hp)), wide(memory.next<T>(projected * B * Hp)),
          through(memory.next<T>(B * Pp)), sums(memory.next<T>(q.threads * Cell::kSums * Hp)),
          desk_panels(desks.next<E>(of_panels)), desk_rows(desks.next<E>(q.threads * Desk<T, E>::rows_size)),
          desk_edges(desks.next<T>(q.threads * Desk<T, E>::edge_size)), cell(run, memory.next<T>(Cell::kBuffers * B * (H + 8))) {}

    void operator()() {
        const Division<T> division(run, Cell::kNormed, kPairs && kMatrixUnit, G * H * P * (long)sizeof(T), panels, across);
        const double multiplications = double(run.T_ * B) * G * H * (2 * P + run.I * ((q.dweight_ih != nullptr) + (q.dx != nullptr)));
        run_team(Calls::recurrence, multiplications, (int)q.threads, [&](Team& team, int id, Turn& turn) {
            [[maybe_unused]] const Products products_of_this_thread;
            if (!as_it_lies)
                pack_across((const T*)q.weight_hh, G * H, P, packed, share(across, id, team.size),
                            share(across, id + 1, team.size));
            if (projected)
                pack_across((const T*)q.weight_hr, P, H, packed_p, share(panels, id, team.size),
                            share(panels, id + 1, team.size));
            each_part(q.threads, team, id, [&](int part) { memset(sums + part * Cell::kSums * Hp, 0, Cell::kSums * Hp * sizeof(T)); });
            division.each(team, id, [&](const Range<T>& mine, int) {
                if (mine.alone || id == 0) start(mine.b0, mine.b1);
            });
            team.wait(turn);
            division.each(team, id, [&](const Range<T>& mine, int part) {
                Team alone;
                Turn nobodys;
                for (long s = run.T_ - 1; s >= 0; s--)
                    step(mine, run.reverse ? run.T_ - 1 - s : s, sums + part * Cell::kSums * Hp, mine.alone ? alone : team,
                         mine.alone ? nobodys : turn, id);
                if (mine.alone || id == 0) finish(mine.b0, mine.b1);
            });
            team.wait(turn);
            if (id == 0) add_up((int)q.threads);
            if (q.dtable) add_to_table(share(G * H, id, team.size), share(G * H, id + 1, team.size));
            over_all_steps(team, id, turn);
        });
    }

    // Gradients with respect to weights and inputs. Rows of h multiplied by a mask or by r are in hb.
    void over_all_steps(Team& team, int id, Turn& phase) {
        const Desk<T, E> desk{desk_panels, desk_rows + id * Desk<T, E>::rows_size, desk_edges + id * Desk<T, E>::edge_size};
        const long I = run.I, K = run.T_ * B, ld = S * H;
        const Planes by_x{G, H, Cell::kFirstPlane ? G - 1 : 0}, by_h{twice ? G - 1 : G, H, 0};
        const T* const da = (const T*)q.da;
        const T* const dr = (const T*)(Cell::kNormed ? q.dr : q.da) + Cell::kFirstPlane * H;
        T *const hb = (T*)q.hb, *const dW_hh = (T*)q.dweight_hh;
        auto x = [&](long k) { return run.alive(k / B, k % B) ? (const T*)q.x + k * I : nullptr; };
        auto h = [&](long k) {
            return !run.alive(k / B, k % B) ? nullptr : hb ? hb + k * P : run.h_before(k / B, k % B);
        };
        auto wide_h = [&](long k) { return (const T*)q.wide + k * H; };
        if (q.dweight_ih) transposed_product(team, id, phase, desk, K, da, ld, by_x, x, I, (T*)q.dweight_ih, I, false);
        if (q.dx) {
            const Packed<T, E> weight{desk_panels, G * H, I};
            weight.rows(team, id, [&](long k) { return (const T*)q.weight_ih + (by_x.place(k / H) * H + k % H) * I; });
            team.wait(phase);
            const long begin = share(K, id, team.size), end = share(K, id + 1, team.size);
            packed_product(desk, weight, end - begin, da + begin * ld, ld, (T*)q.dx + begin * I, false);
            team.wait(phase);
        }
        transposed_product(team, id, phase, desk, K, dr, ld, by_h, h, P, dW_hh, P, false);
        if (twice) {  // (3b): the product of n is with r ∘ h
            for (long k = share(K, id, team.size); k < share(K, id + 1, team.size); k++)
                for (long j = 0; j < H; j++) hb[k * H + j] *= ((const T*)q.gates)[k * 4 * H + j];
            team.wait(phase);
            transposed_product(team, id, phase, desk, K, dr + (G - 1) * H, ld, {1, H, 0}, h, H, dW_hh + (G - 1) * H * H, H, false);
        }
        if (!projected) return;  // the projection never uses pairs of bfloat16, as in (7)
        const Desk<T, T> whole{(T*)desk.panels, (T*)desk.rows, desk.edge};
        transposed_product(team, id, phase, whole, K, (const T*)q.dp, P, {1, P, 0}, wide_h, H, (T*)q.dweight_hr, H, false);
    }

    // Columns [c0, c1) of the transposed gradient of W_ih: for each token id the sum over the steps that read it.
    void add_to_table(long c0, long c1) {
        T* table = (T*)q.dtable;
        for (long i = 0; i < q.I; i++) memset(table + i * G * H + c0, 0, (c1 - c0) * sizeof(T));
        for (long t = 0; t < run.T_; t++)
            for (long b = 0; b < B; b++) {
                if (!run.alive(t, b)) continue;
                const T* from = (const T*)q.da + (t * B + b) * S * H;
                T* to = table + ((const int64_t*)q.ids)[t * B + b] * G * H;
                for (long c = c0; c < c1; c++) to[c] += from[c];
            }
    }

    // dh and dc after the last step, from the gradients with respect to the final state.
    void start(long b0, long b1) {
        for (long b = b0; b < b1; b++) {
            const bool replaced = run.reverse && run.resets && run.length(b) && run.resets[b];  // by a reset
            begin(b, P, Pp, replaced, q.dhn, dh, q.dhi);
            if (Cell::kMemory) begin(b, H, Hp, replaced, q.dcn, dc, q.dci);
        }
    }
    void begin(long b, long width, long ld, bool replaced, const void* given, T* state, void* initial) {
        T* row = state + b * ld;
        memset(row, 0, ld * sizeof(T));
        if (initial) memset((T*)initial + b * width, 0, width * sizeof(T));
        if (given) memcpy(replaced ? (T*)initial + b * width : row, (const T*)given + b * width, width * sizeof(T));
    }

    void step(const Range<T>& mine, long t, T* own_sums, Team& together, Turn& phase, int id) {
        T* da = (T*)q.da + t * B * S * H;
        const long u0 = mine.p0 * PW, u1 = min_(H, mine.p1 * PW);  // units
        const long c0 = mine.n0 * PW, c1 = min_(P, mine.n1 * PW);  // columns of h
        const long rows = run.living(t, mine.b0, mine.b1);
        if (q.hb) {
            if (mine.alone || id == 0) gather(run, t, mine.b0, mine.b1, (T*)q.hb + t * B * P);
            together.wait(phase);
        }
        if constexpr (Cell::kMemory)
            if (projected) {
                narrow(mine, t, c0, c1);
                together.wait(phase);
                for (long p = mine.p0; p < mine.p1; p++)
                    product(mine, rows, (const T*)q.dp + t * B * P, P, (const T*)packed_p + p * P * PW, PW, P, wide + p * PW, Hp, false);
            }
        units(mine, t, u0, u1, own_sums, 0);
        together.wait(phase);
        if constexpr (Cell::kNormed) {
            cell.sum_memory(t, mine.l0, mine.l1);
            together.wait(phase);
            units(mine, t, u0, u1, own_sums, 1);
            together.wait(phase);
            cell.sum_gates(t, mine.l0, mine.l1);
            together.wait(phase);
            units(mine, t, u0, u1, own_sums, 2);
            together.wait(phase);
            da = (T*)q.dr + t * B * S * H;
        }
        if (twice) {  // through the product of the last gate: r ∘ h
            products(mine, rows, da + Cell::kLastPlane * H, (G - 1) * H, H, through, false, together, phase);
            units(mine, t, u0, u1, own_sums, 1);
            together.wait(phase);
        }
        const long K = (twice ? G - 1 : G) * H;
        if (q.mask) {
            products(mine, rows, da + Cell::kFirstPlane * H, 0, K, through, false, together, phase);
            for (long b = mine.b0; b < mine.b1; b++)
                for (long j = c0; j < c1 && run.alive(t, b); j++) dh[b * Pp + j] += ((const T*)q.mask)[b * P + j] * through[b * Pp + j];
        } else {
            products(mine, rows, da + Cell::kFirstPlane * H, 0, K, dh, true, together, phase);
        }
        if (run.resets)
            for (long b = mine.b0; b < mine.b1; b++)
                if (run.alive(t, b) && run.fresh(t, b)) {
                    hand_over(b, c0, c1, P, Pp, dh, q.dhi);
                    if (Cell::kMemory) hand_over(b, u0, u1, H, Hp, dc, q.dci);
                }
        together.wait(phase);
    }

    // The gradients with respect to the states after resets.
    void hand_over(long b, long u0, long u1, long width, long ld, T* state, void* initial) {
        for (long j = u0; j < u1; j++) {
            ((T*)initial)[b * width + j] += state[b * ld + j];
            state[b * ld + j] = 0;
        }
    }

    // to [+]= da · W_hh for its rows [first, first + K), this thread's columns.
    void products(const Range<T>& mine, long rows, const T* da, long first, long K, T* to, bool add, Team& together,
                  Turn& phase) {
        if constexpr (kPairs) {
            for (long b = mine.l0; b < mine.l1; b++) pair_up(da + b * S * H, K, paired + b * pairs);
            together.wait(phase);
            for (long n = mine.n0; n < mine.n1; n++)
                product(mine, rows, (const E*)paired, pairs, (const E*)packed + (n * depth + X::depth(first)) * PW, PW,
                        X::depth(K), to + n * PW, Pp, add);
        } else {
            const T* weight = (const T*)q.weight_hh + first * P;
            for (long n = mine.n0; n < mine.n1; n++)
                product(mine, rows, da, S * H, as_it_lies ? weight + n * PW : packed + (n * depth + first) * PW,
                        as_it_lies ? P : PW, K, to + n * PW, Pp, add);
        }
    }
    template <class O>
    void product(const Range<T>& mine, long rows, const O* A, long lda, const O* panel, long ldp, long K, T* to, long ld,
                 bool add) {
        constexpr long KB = 16384 / PW;  // rows of a panel that fit into the L2 cache
        for (long k = 0; k < K; k += KB) {
            const long kc = min_(KB, K - k);
            panel_product<4>(rows, A + mine.b0 * lda + k, lda, panel + k * ldp, ldp, kc,
                             Tile<T>{to + mine.b0 * ld, ld, W}, add || k > 0,
                             ldp == PW ? panel + (k + kc) * ldp : (const O*)nullptr);
        }
    }

    // The gradient with respect to the projected h of this step.
    void narrow(const Range<T>& mine, long t, long c0, long c1) {
        for (long b = mine.b0; b < mine.b1; b++)
            for (long j = c0; j < c1; j += W) {
                const int n = (int)min_(W, c1 - j);
                T* to = (T*)q.dp + (t * B + b) * P + j;
                if (run.alive(t, b))
                    store(to, cell.take(t, b, j, n, dh + b * Pp + j), n);
                else
                    store(to, Vec<T>{}, n);
            }
    }

    void units(const Range<T>& mine, long t, long u0, long u1, T* own_sums, int part) {
        constexpr int N = 4;  // adjacent vectors of units
        for (long begin = u0; begin < u1; begin += N * W) {
            Vec<T> total[N][Cell::kSums] = {};
            for (long b = mine.b0; b < mine.b1; b++) {
                const bool alive = run.alive(t, b);
                for (int i = 0; i < N; i++) {
                    const long unit = begin + i * W;
                    if (unit >= u1) break;
                    const int n = (int)min_(W, u1 - unit);
                    T *const a = (projected ? wide : dh) + b * Hp + unit, *const m = dc + b * Hp + unit, *const r = through + b * Hp + unit;
                    if (alive)
                        cell.back(t, b, unit, n, a, m, r, total[i], part);
                    else if (part == 0)  // only once: another thread may already be reading it
                        nothing(t, b, unit, n);
                }
            }
            for (int i = 0; i < N && begin + i * W < u1; i++)
                for (int j = 0; j < Cell::kSums; j++) {
                    T* to = own_sums + j * Hp + begin + i * W;
                    store(to, load(to) + total[i][j]);
                }
        }
    }

    // Past the end of a lane.
    void nothing(long t, long b, long unit, int n) {
        for (int j = 0; j < S; j++) {
            store((T*)q.da + ((t * B + b) * S + j) * H + unit, Vec<T>{}, n);
            if (Cell::kNormed) store((T*)q.dr + ((t * B + b) * S + j) * H + unit, Vec<T>{}, n);
        }
        if (projected) store((T*)q.wide + (t * B + b) * H + unit, Vec<T>{}, n);
    }

    void finish(long b0, long b1) {
        for (long b = b0; b < b1; b++) {
            if (q.dh0) memcpy((T*)q.dh0 + b * P, dh + b * Pp, P * sizeof(T));
            if (Cell::kMemory && q.dc0) memcpy((T*)q.dc0 + b * H, dc + b * Hp, H * sizeof(T));
        }
    }

    void add_up(int threads) const {
        for (int j = 0; j < Cell::kSums; j++) {
            if (j >= S) {
                add_up(threads, j, j < S + 3 ? q.dpeepholes : q.dnorm, j < S + 3 ? j - S : j - S - 3);
                continue;
            }
            if (j < G) add_up(threads, j, q.dbias_ih, Cell::kFirstPlane ? (j + G - 1) % G : j);
            if (j >= Cell::kFirstPlane) add_up(threads, j, q.dbias_hh, j - Cell::kFirstPlane);
        }
    }
    void add_up(int threads, int j, void* gradient, long row) const {
        if (!gradient) return;
        T* to = (T*)gradient + row * H;
        memset(to, 0, H * sizeof(T));
        for (int i = 0; i < threads; i++)
            for (long k = 0; k < H; k++) to[k] += sums[(i * Cell::kSums + j) * Hp + k];
    }
};

// Pairs of bfloat16 if requested and the weights are packed.
template <class Cell, class T>
static void run_forward(const Sequence& q) {
    if constexpr (__is_same(T, float))
        if (q.half && q.T > kFewSteps) return Forward<Cell, T, Pair>{q}();
    Forward<Cell, T>{q}();
}
template <class Cell, class T>
static void run_backward(const Sequence& q) {
    if constexpr (__is_same(T, float))
        if (q.half && q.T > kFewSteps) return Backward<Cell, T, Pair>{q}();
    Backward<Cell, T>{q}();
}

}  // namespace ISA
