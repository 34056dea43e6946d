// A frozen stack of layers in one call: weights packed once, a few steps at a time, no gradients.
//
//   layer by layer and direction by direction: T steps, and in each, panel by panel of its units
//     sums = bias + W_ih x + W_hh h   for all lanes       (the contribution of x for several steps together if T > 1)
//     the cell's equations, numbered as in cells/rnn.py, gru.py and lstm.py
//
// The order of a lane's sums is the same in every call, so its bits depend neither on the other lanes nor on the number of
// threads nor on the division into calls. Threads divide the panels of a layer, with a barrier after every step. A step of
// a few lanes is bound by reading the weights: consecutive steps read the panels in opposite directions, so that what the
// caches still hold of weights larger than they are is read first.
#include "frozen.h"

#include "formats.h"
#include "team.h"

namespace ISA {

constexpr long kTogether = 64;  // rows (steps × lanes) whose products with the inputs are computed together

// sums[r·ld + j·W …] = before[r·ldb + j·W …] + product of vector j of a panel with row r; the last of the N vectors is
// taken from and goes to place `last`.
template <int R, int N, class F>
INLINE void rows_product(const Matrix& m, long at, const char* w, long steps, const typename F::Input* x, long ldx,
                         const float* scales, const float* before, long ldb, float* sums, long ld, int last) {
    // Additions of integers may be reordered: more sums hide their latency if there are few rows.
    constexpr int U = !F::kExact ? 1 : R * N <= 4 ? 4 : R * N <= 8 ? 2 : 1;
    typename F::Sum acc[U][R][N];
    for (int i = 0; i < U; i++)
        for (int r = 0; r < R; r++)
            for (int j = 0; j < N; j++) acc[i][r][j] = i ? typename F::Sum{} : F::start(m, at + j * W);
    for (long k = 0; k < steps; k += U) {
#pragma GCC unroll 4
        for (int i = 0; i < U; i++)
#pragma GCC unroll 4
            for (int j = 0; j < N; j++) {
                const char* here = w + ((k + i) * N + j) * UNROLLED_VECTOR_BYTES;
#pragma GCC unroll 8
                for (int r = 0; r < R; r++) acc[i][r][j] = F::add(acc[i][r][j], here, x + r * ldx + (k + i) * F::S);
            }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int j = 0; j < N; j++) {
            typename F::Sum total = acc[0][r][j];
#pragma GCC unroll 4
            for (int i = 1; i < U; i++) total += acc[i][r][j];
            const long place = (j < N - 1 ? j : last) * W;
            store(sums + r * ld + place, load(before + r * ldb + place) + F::value(total, m, at + j * W, scales ? scales[r] : 1.f));
        }
}

template <int N, class F>
static void product(const Matrix& m, long panel, long depth, const Inputs<F>& x, long first, long rows, const float* before,
                    long ldb, float* sums, long ld, int last) {
    constexpr int MR = UNROLLED_ACCUMULATORS / N < 8 ? UNROLLED_ACCUMULATORS / N : 8;
    const long steps = depth / F::S, at = panel * N * W, blocks = (rows + MR - 1) / MR;
    const char* w = (const char*)m.weights + panel * steps * N * UNROLLED_VECTOR_BYTES;
    for (long i = 0; i < blocks; i++) {
        const long r = rows * i / blocks;
        const typename F::Input* from = x.base + (first + r) * x.ld;
        const float* scales = x.scales ? x.scales + first + r : nullptr;
        switch (rows * (i + 1) / blocks - r) {
#define ROWS(R) \
    case R: \
        if constexpr (R <= MR) rows_product<(R <= MR ? R : 1), N, F>(m, at, w, steps, from, x.ld, scales, before + r * ldb, ldb, sums + r * ld, ld, last); \
        break;
            ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) ROWS(7) ROWS(8)
#undef ROWS
        }
    }
}

// Rows of numbers: row t·B + b is at base + t·step + b·lane.
struct Source {
    const float* base;
    long step, lane, width;
};

// By the quotient of tanh, whose operations depend on each other less than those of an exponential.
INLINE V squash(V x) { return .5f + .5f * tanh_(.5f * x); }

// The distance between rows of `width` numbers: not a multiple of a page, which would put all of them into the same lines of
// the first cache.
constexpr long apart(long width) { return width + kPad; }

struct Shape {
    long vectors, sums, panels, D;  // vectors of a panel, of its sums; padded units
    explicit Shape(const FrozenLayer& layer) {
        const long Q = layer.kind ? 1 : kQuads;
        vectors = layer.kind == 0 ? kQuads : layer.kind == 1 ? 3 : 4;
        sums = layer.kind == 1 && layer.reset_after ? 4 : vectors;
        D = round_up(layer.H, max_(kPad, Q * W));
        panels = D / (Q * W);
    }
};

template <class F>
struct Frozen {
    const FrozenStack& g;
    const FrozenCall& q;
    const long T, B, together;  // together: steps whose products with x are computed together
    const long threads;
    long widest = 0, deepest = 0, largest = 0;  // of padded inputs, padded units, sums of a row
    size_t passed = 0;                            // numbers passed up from layer to layer
    Workspace memory;
    float *h[2], *c, *reset, *sums, *up[2];
    float** padded;  // of each thread: inputs with zeros behind each row
    Scratch *scratch_x, *scratch_h;

    size_t measure() {
        size_t up_width = 0;
        for (long l = 0; l < g.depth; l++) {
            const Shape shape(g.layers[l]);
            widest = max_(widest, apart(round_up(g.layers[l].I, kPad)));
            deepest = max_(deepest, apart(shape.D));
            largest = max_(largest, max_(shape.panels, threads) * shape.sums * W);
            if (l >= g.directions) up_width = max_((long)up_width, apart(round_up(g.layers[l].I, kPad)));
        }
        passed = up_width * T * B;
        const long rows = together * B;
        return sizeof(float) * (4 * B * deepest + rows * largest + 2 * passed) +
               threads * (rows * (widest + 4) * sizeof(float) + rows * widest + B * (deepest + 4) + 3 * 256 + 64) + 16 * 256;
    }

    Frozen(const FrozenStack& stack, const FrozenCall& call)
        : g(stack), q(call), T(call.T), B(call.B), together(max_(1, min_(T, kTogether / max_(1, B)))), threads(call.threads),
          memory(measure()) {
        for (float*& one : h) one = memory.next<float>(B * deepest);
        c = memory.next<float>(B * deepest);
        reset = memory.next<float>(B * deepest);
        sums = memory.next<float>(together * B * largest);
        for (float*& one : up) one = memory.next<float>(passed);
        padded = memory.next<float*>(threads);
        scratch_x = memory.next<Scratch>(threads);
        scratch_h = memory.next<Scratch>(threads);
        const long rows = together * B;
        for (long id = 0; id < threads; id++) {
            padded[id] = memory.next<float>(rows * widest);
            scratch_x[id] = {memory.next<uint8_t>(rows * widest), memory.next<float>(rows)};
            scratch_h[id] = {memory.next<uint8_t>(B * deepest), memory.next<float>(B)};
        }
        for (float* one : up) memset(one, 0, passed * sizeof(float));  // also behind each row
    }

    void operator()() {
        double of_step = 0;
        for (long l = 0; l < g.depth; l++) of_step += multiplications(g.layers[l]);
        run_team(Calls::generation, double(T * B) * of_step, (int)threads, [this](Team& team, int id, Turn& phase) { member(team, id, phase); });
    }

    void member(Team& team, int id, Turn& phase) {
        Source from{q.x, q.x_step, q.x_lane, g.layers[0].I};
        for (long l = 0; l < g.depth; l += g.directions) {
            const bool top = l + g.directions == g.depth;
            const long width = top ? 0 : apart(round_up(g.layers[l + g.directions].I, kPad));
            float* const to = top ? q.y : up[l / g.directions & 1];
            const long step = top ? q.y_step : B * width, lane = top ? q.y_lane : width;
            for (long d = 0; d < g.directions; d++) {
                const FrozenLayer& layer = g.layers[l + d];
                Pass pass{*this, layer, l + d, from, to + d * layer.H, step, lane,
                          g.residual && l ? from.base + d * layer.H : nullptr, team, phase, id};
                pass();
            }
            from = {to, step, lane, width ? g.layers[l + g.directions].I : 0};
        }
    }

    // T steps of one layer in one direction.
    struct Pass {
        Frozen& f;
        const FrozenLayer& layer;
        const long index;
        const Source from;
        float* const y;
        const long y_step, y_lane;
        const float* const shortcut;
        Team& team;
        Turn& phase;
        const int id;
        const FrozenCall& q = f.q;
        const long T = f.T, B = f.B, H = layer.H;
        const Shape shape{layer};
        const long D = shape.D, row = apart(D), ld = shape.sums * W, depth = round_up(layer.I, kPad);
        const long p0 = share(shape.panels, id, team.size), p1 = share(shape.panels, id + 1, team.size);
        const bool reverse = index % f.g.directions == 1, twice = layer.kind == 1 && !layer.reset_after;
        const bool merged = f.together == 1 && !twice;  // both products of a panel one after the other
        const long row0 = share(B, id, team.size), row1 = share(B, id + 1, team.size);
        Inputs<F> x{}, hs{};
        bool backward = q.backward;

        void operator()() {
            begin(q.h0, f.h[0]);
            if (layer.kind == 2) begin(q.c0, f.c);
            team.wait(phase);
            for (long s0 = 0; s0 < T; s0 += f.together) {
                const long steps = min_(f.together, T - s0), t0 = reverse ? T - s0 - steps : s0;
                x = inputs(t0, steps);
                if (!merged)
                    each([&](long panel) { from_x(panel, 0, steps * B, sums(panel, 0)); });
                for (long s = 0; s < steps; s++) {
                    const long slot = reverse ? steps - 1 - s : s;
                    step(t0 + slot, slot, (s0 + s) & 1, !q.h0 && s0 + s == 0);
                }
            }
            end(f.h[T & 1], q.hn);
            if (layer.kind == 2) end(f.c, q.cn);
        }

        // The state before the first step, and after the last.
        void begin(const float* state, float* to) {
            for (long b = row0; b < row1; b++) {
                if (state) memcpy(to + b * row, state + (index * B + b) * H, H * sizeof(float));
                const long known = state ? H : 0;
                memset(to + b * row + known, 0, (D - known) * sizeof(float));
            }
        }
        void end(const float* state, float* to) {
            for (long b = row0; b < row1; b++) memcpy(to + (index * B + b) * H, state + b * row, H * sizeof(float));
        }

        template <class Work>
        MEMBER void each(Work work) {
            if (backward)
                for (long panel = p1; panel-- > p0;) work(panel);
            else
                for (long panel = p0; panel < p1; panel++) work(panel);
            backward = !backward;
        }

        float* sums(long panel, long row) { return f.sums + ((merged ? id : panel) * f.together * B + row) * ld; }

        // The inputs of some steps as the operand of a product, all rows equally far apart and padded.
        Inputs<F> inputs(long t0, long steps) {
            const float* base = from.base + t0 * from.step;
            long ldx = B == 1 ? from.step : from.lane;
            const bool even = steps == 1 || B == 1 || from.step == B * from.lane, crowded = ldx % 256 == 0 && steps * B > 3;
            if (from.width % kPad || !even || crowded) {
                float* to = f.padded[id];
                for (long t = 0; t < steps; t++)
                    for (long b = 0; b < B; b++, to += apart(depth)) {
                        memcpy(to, base + t * from.step + b * from.lane, from.width * sizeof(float));
                        memset(to + from.width, 0, (depth - from.width) * sizeof(float));
                    }
                base = f.padded[id];
                ldx = apart(depth);
            }
            return F::inputs(base, ldx, steps * B, depth, f.scratch_x[id]);
        }

        void multiply(int vectors, const Matrix& m, long panel, long deep, const Inputs<F>& rows, long first, long count,
                      const float* before, long ldb, float* to, int last) {
            switch (vectors) {
                case 1: return product<1, F>(m, panel, deep, rows, first, count, before, ldb, to, ld, last);
                case 2: return product<2, F>(m, panel, deep, rows, first, count, before, ldb, to, ld, last);
                case 3: return product<3, F>(m, panel, deep, rows, first, count, before, ldb, to, ld, last);
                default: return product<4, F>(m, panel, deep, rows, first, count, before, ldb, to, ld, last);
            }
        }

        // bias + W_ih x for some rows of x.
        void from_x(long panel, long first, long count, float* to) {
            const float* bias = (const float*)layer.bias + panel * ld;
            for (long r = 0; shape.sums > shape.vectors && r < count; r++) store(to + r * ld + 3 * W, load(bias + 3 * W));
            multiply((int)shape.vectors, layer.ih, panel, depth, x, first, count, bias, 0, to, (int)shape.vectors - 1);
        }

        // zero: h is, and so is its product
        void step(long t, long slot, int now, bool zero) {
            hs = F::inputs(f.h[now], row, B, D, f.scratch_h[id]);
            const int vectors = (int)shape.vectors - twice, last = (int)shape.sums - 1 - twice;
            each([&](long panel) {
                for (long b = 0; b < B; b += kTogether) {
                    const long count = min_(kTogether, B - b);
                    float* const a = sums(panel, merged ? 0 : slot * B + b);
                    if (merged) from_x(panel, b, count, a);
                    if (!zero) multiply(vectors, layer.hh, panel, D, hs, b, count, a, ld, a, last);
                    units(panel, t, now, b, b + count, a);
                }
            });
            team.wait(phase);
            if (!twice) return;
            hs = F::inputs(f.reset, row, B, D, f.scratch_h[id]);
            each([&](long panel) {
                float* const a = sums(panel, slot * B);
                if (!zero) multiply(1, layer.hn, panel, D, hs, 0, B, a, ld, a, 2);
                for (long b = 0; b < B; b++) gru_new(panel, t, now, b, a + b * ld);
            });
            team.wait(phase);
        }

        // The equations for the units of a panel and lanes [b0, b1).
        void units(long panel, long t, int now, long b0, long b1, float* a) {
            for (long b = b0; b < b1; b++, a += ld)
                if (layer.kind == 0)
                    elman(panel, t, now, b, a);
                else if (layer.kind == 2)
                    lstm(panel, t, now, b, a);
                else if (twice)
                    gru_gates(panel, now, b, a);
                else
                    gru(panel, t, now, b, a);
        }

        MEMBER V before(int now, long b, long unit) const { return load(f.h[now] + b * row + unit); }
        MEMBER bool ended(long t, long b) const { return q.lengths && t >= q.lengths[b]; }
        static MEMBER V blend(double rate, V old, V new_) { return float(rate) * old + (1.f - float(rate)) * new_; }

        // Store the new h of W units for the next step and as output; past an end the state stays and the output is zero.
        MEMBER void finish(long t, int now, long b, long unit, V new_) const {
            const V old = before(now, b, unit);
            if (layer.zoneout_h) new_ = blend(layer.zoneout_h, old, new_);
            const bool over = ended(t, b);
            store(f.h[1 - now] + b * row + unit, over ? old : new_);
            if (unit >= H) return;
            const int n = (int)min_(W, H - unit);
            if (over)
                new_ = V{};
            else if (shortcut)
                new_ += load(shortcut + t * from.step + b * from.lane + unit, n);
            store(y + t * y_step + b * y_lane + unit, new_, n);
        }

        MEMBER void elman(long panel, long t, int now, long b, const float* a) const {
            for (int j = 0; j < kQuads; j++) {
                const V sum = load(a + j * W);                                                                    // (1)
                finish(t, now, b, (panel * kQuads + j) * W, layer.relu ? (sum < 0.f ? V{} : sum) : tanh_(sum));  // (2)
            }
        }

        MEMBER void gru(long panel, long t, int now, long b, const float* a) const {
            const long unit = panel * W;
            const V z = squash(load(a + W)), n = tanh_(load(a + 2 * W) + squash(load(a)) * load(a + 3 * W));  // (1) (2) (3a)
            finish(t, now, b, unit, z * before(now, b, unit) + (1.f - z) * n);                                    // (4)
        }

        // (3b) needs r ∘ h of all units: first the gates …
        MEMBER void gru_gates(long panel, int now, long b, float* a) const {
            store(f.reset + b * row + panel * W, squash(load(a)) * before(now, b, panel * W));  // (1)
            store(a + W, squash(load(a + W)));                                                // (2)
        }
        // … then n.
        MEMBER void gru_new(long panel, long t, int now, long b, const float* a) const {
            const V z = load(a + W);
            finish(t, now, b, panel * W, z * before(now, b, panel * W) + (1.f - z) * tanh_(load(a + 2 * W)));  // (3b) (4)
        }

        MEMBER void lstm(long panel, long t, int now, long b, const float* a) const {
            const long unit = panel * W;
            const float* peep = layer.peepholes ? (const float*)layer.peepholes + unit : nullptr;
            float* const memory_cell = f.c + b * row + unit;
            const V old = load(memory_cell);
            V ai = load(a), af = load(a + W), ao = load(a + 3 * W);
            if (peep) {
                ai += load(peep) * old;
                af += load(peep + D) * old;
            }
            V new_ = squash(af) * old + squash(ai) * tanh_(load(a + 2 * W));  // (1) (2) (3) (4)
            if (peep) ao += load(peep + 2 * D) * new_;
            const V out = squash(ao) * tanh_(new_);  // (5) (6)
            if (layer.zoneout_c) new_ = blend(layer.zoneout_c, old, new_);
            if (!ended(t, b)) store(memory_cell, new_);
            finish(t, now, b, unit, out);
        }
    };
};

template <class F>
static void run(const FrozenStack& stack, const FrozenCall& call) {
    Frozen<F>{stack, call}();
}
extern const FrozenKernel frozen[3];
const FrozenKernel frozen[3] = {run<Float32>, run<Bfloat16>, run<Int8>};

}  // namespace ISA
