// Generation: steps of a whole model for B streams, without Python in between.
//
//   token → table or embedding → layers → head → logits → temperature, top-k, top-p → the next token
//
// The equations are numbered as in cells/rnn.py, gru.py and lstm.py; sampling is that of decoding/sampling.py. The cost of
// a step is dominated by reading the weights. They are packed in the order in which they are read, and a panel is read
// once for all streams. Threads divide the units of a layer, then the tokens of the head, then the streams to sample for,
// with a barrier after each.
#include "formats.h"
#include "team.h"

namespace ISA {

constexpr int kSums = UNROLLED_ACCUMULATORS >= 24 ? 16 : 8;   // vectors of sums in registers
constexpr int kRows = kSums / 4;                              // streams whose sums are computed together
constexpr int kHead = 4;                                      // vectors of a panel of the head
constexpr long kAhead = 4096;                                 // prefetch distance of the weights, in bytes

// sums[r][j] += product of panel vector j with the inputs of stream b + r; the last of the N vectors goes to `last`.
template <int N, class F, int R, int S>
INLINE void add_product(const Matrix& m, long panel, long depth, const Inputs<F>& x, long b, V (&sums)[R][S],
                        int last = N - 1) {
    // unroll over k where sums are exact; else in order, so that a stream's bits do not depend on those beside it
    constexpr int most = F::kExact ? kSums / (R * N) : 1, U = most >= 4 ? 4 : most >= 2 ? 2 : 1;
    const long steps = depth / F::S, at = panel * N * W;
    const char* w = (const char*)m.weights + panel * steps * N * UNROLLED_VECTOR_BYTES;
    typename F::Sum acc[U][R][N];
    for (int i = 0; i < U; i++)
        for (int r = 0; r < R; r++)
            for (int j = 0; j < N; j++) acc[i][r][j] = i ? typename F::Sum{} : F::start(m, at + j * W);
    const typename F::Input* inputs = x.base + b * x.ld;
    for (long k = 0; k < steps; k += U) {
#pragma GCC unroll 4
        for (int i = 0; i < U; i++)
#pragma GCC unroll 4
            for (int j = 0; j < N; j++) {
                const char* here = w + ((k + i) * N + j) * UNROLLED_VECTOR_BYTES;
                __builtin_prefetch(here + kAhead);
#pragma GCC unroll 4
                for (int r = 0; r < R; r++)
                    acc[i][r][j] = F::add(acc[i][r][j], here, inputs + r * x.ld + (k + i) * F::S);
            }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int j = 0; j < N; j++) {
            typename F::Sum total = acc[0][r][j];
#pragma GCC unroll 4
            for (int i = 1; i < U; i++) total += acc[i][r][j];
            sums[r][j < N - 1 ? j : last] += F::value(total, m, at + j * W, x.scales ? x.scales[b + r] : 1.f);
        }
}

// ---- sampling as in decoding/sampling.py, in float64 ----------------------------------------------------------------

// uniform(seed, stream, position) of data/counter.py.
static double uniform(uint64_t seed, uint64_t stream, uint64_t position) {
    const uint64_t counters[2] = {stream, position};
    uint64_t h = seed;
    for (const uint64_t counter : counters) {
        uint64_t z = h + (counter + 1) * 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        h = z ^ (z >> 31);
    }
    return double(h >> 11) * 0x1p-53;
}

// The tokens by decreasing probability, ties in the vocabulary's order; sorted lazily by a heap.
struct Ranking {
    const double* p;
    int64_t* heap;
    long left;

    Ranking(const double* probabilities, int64_t* room, long n) : p(probabilities), heap(room), left(n) {
        for (long v = 0; v < n; v++) heap[v] = v;
        for (long i = n / 2; i-- > 0;) sink(i);
    }
    // The next token; tokens already taken are stored behind the heap, the first one last.
    long next() {
        const int64_t first = heap[0];
        heap[0] = heap[--left];
        heap[left] = first;
        sink(0);
        return first;
    }
    bool before(int64_t a, int64_t b) const { return p[a] > p[b] || (p[a] == p[b] && a < b); }
    void sink(long i) {
        for (;;) {
            long child = 2 * i + 1;
            if (child >= left) return;
            if (child + 1 < left && before(heap[child + 1], heap[child])) child++;
            if (!before(heap[child], heap[i])) return;
            const int64_t moved = heap[i];
            heap[i] = heap[child];
            heap[child] = moved;
            i = child;
        }
    }
};

struct Choice {
    double temperature, top_p;
    long top_k;
    double u;  // in [0, 1)

    // p and kept: buffers of V doubles; order: a buffer of V integers.
    long operator()(const float* logits, long V_, double* p, double* kept, int64_t* order) const {
        long likeliest = 0;
        for (long v = 1; v < V_; v++)
            if (logits[v] > logits[likeliest]) likeliest = v;
        if (temperature == 0) return likeliest;
        double total = 0;
        for (long v = 0; v < V_; v++) total += p[v] = exp((double(logits[v]) - logits[likeliest]) / temperature);
        for (long v = 0; v < V_; v++) p[v] /= total;
        if ((top_k > 0 && top_k < V_) || top_p < 1) {
            keep(V_, p, kept, order);
            p = kept;
        }
        total = 0;
        for (long v = 0; v < V_; v++) total += p[v];
        const double below = nextafter(total, 0.0), drawn = u * total, bar = drawn < below ? drawn : below;
        double cumulative = 0;
        for (long v = 0; v < V_; v++)
            if ((cumulative += p[v]) > bar) return v;
        return 0;
    }

    // p of the top k, limited to the smallest set with probability top_p; zero for all others.
    void keep(long V_, const double* p, double* kept, int64_t* order) const {
        const long most = top_k > 0 && top_k < V_ ? top_k : V_;
        double mass = 0;
        memset(kept, 0, V_ * sizeof(double));
        Ranking ranking(p, order, V_);
        for (long i = 0; i < most; i++) mass += p[most < V_ ? ranking.next() : i];
        double cumulative = 0;
        for (long i = 0; i < most; i++) {
            const long v = most < V_ ? order[V_ - 1 - i] : ranking.next();
            cumulative += p[v];
            if (top_p < 1 && !(cumulative - p[v] < top_p * mass)) return;  // the mass of the more likely tokens
            kept[v] = p[v];
        }
    }
};

// ---- the model -------------------------------------------------------------------------------------------------

// The buffers of a layer. All rows have width D, zero beyond H, except those passed up, of width Writer::width.
struct Place {
    long D, panels;
    float* h[2];  // after every second step
    float* c;
    float *below, *up;  // input and output of the layer
};

template <class F>
struct Writer {
    const Generation& g;
    const long B = g.B, V_ = g.V, V_padded = round_up(V_, kHead * W);
    long width, deepest, head_depth;
    Workspace memory;
    Place* const places;
    float *logits, *passed, *summed, *reset, *held, *head_input;
    Scratch* const scratch_x;
    Scratch* const scratch_h;
    double* const chances;
    int64_t* const orders;

    static long measure(const Generation& g, long* deepest) {
        long all = 0;
        *deepest = round_up(g.layers[0].I, kPad);
        for (long l = 0; l < g.depth; l++) {
            const long D = round_up(g.layers[l].H, kPad);
            all += D;
            *deepest = max_(*deepest, D);
        }
        return all;
    }

    explicit Writer(const Generation& asked)
        : g(asked), width(measure(asked, &deepest)),
          memory(size_t(B) * sizeof(float) * (4 * width + 5 * deepest + V_padded) +
                 size_t(g.threads) * (B * (width + 2 * deepest + 8) + 24 * V_ + 4096) +
                 size_t(g.depth) * (sizeof(Place) + 2048) + 8192),
          places(memory.next<Place>(g.depth)), scratch_x(memory.next<Scratch>(g.threads)),
          scratch_h(memory.next<Scratch>(g.threads)), chances(memory.next<double>(2 * V_ * g.threads)),
          orders(memory.next<int64_t>(V_ * g.threads)) {
        passed = memory.next<float>(B * width);
        summed = memory.next<float>(B * deepest);
        reset = memory.next<float>(B * deepest);
        held = memory.next<float>(2 * B * deepest);
        logits = memory.next<float>(B * V_padded);
        float* below = memory.next<float>(B * deepest);  // embeddings
        float* up = passed;
        for (long l = 0; l < g.depth; l++) {
            const Layer& layer = g.layers[l];
            Place& at = places[l];
            at.D = round_up(layer.H, kPad);
            at.panels = at.D / W;
            at.h[0] = copied((const float*)layer.h, layer.H, at.D);
            at.h[1] = memory.next<float>(B * at.D);
            at.c = layer.c ? copied((const float*)layer.c, layer.H, at.D) : nullptr;
            for (long b = 0; b < B; b++)
                for (long unit = 0; unit < at.D; unit += W) {
                    const long here = b * at.D + unit;
                    if (layer.hold_h) store(at.h[0] + here, hold(layer.hold_h, unit, load(at.h[0] + here)));
                    if (layer.hold_c) store(at.c + here, hold(layer.hold_c, unit, load(at.c + here)));
                }
            at.below = below;
            at.up = up;
            below = up;
            up += at.D;
        }
        const Place& top = places[g.depth - 1];
        head_input = g.reads == 0 ? top.up : g.reads == 1 ? summed : passed;
        head_depth = g.reads == 2 ? width : top.D;
        for (long id = 0; id < g.threads; id++) {
            scratch_x[id] = {memory.next<uint8_t>(B * max_(width, deepest)), memory.next<float>(B)};
            scratch_h[id] = {memory.next<uint8_t>(B * deepest), memory.next<float>(B)};
        }
        for (long b = 0; b < B; b++) memcpy(logits + b * V_padded, (const float*)g.logits + b * V_, V_ * sizeof(float));
    }

    float* copied(const float* from, long H, long D) {
        float* to = memory.next<float>(B * D);
        memset(to, 0, B * D * sizeof(float));
        for (long b = 0; b < B; b++) memcpy(to + b * D, from + b * H, H * sizeof(float));
        return to;
    }

    void operator()() {
        double of_step = double(V_) * head_depth;
        for (long l = 0; l < g.depth; l++) of_step += multiplications(g.layers[l]);
        run_team(Calls::generation, double(g.count * B) * of_step, (int)g.threads,
                 [this](Team& team, int id, Turn& turn) { member(team, id, turn); });
        for (long l = 0; l < g.depth; l++) {
            const Layer& layer = g.layers[l];
            const Place& at = places[l];
            for (long b = 0; b < B; b++) {
                memcpy((float*)layer.h + b * layer.H, at.h[g.count & 1] + b * at.D, layer.H * sizeof(float));
                if (at.c) memcpy((float*)layer.c + b * layer.H, at.c + b * at.D, layer.H * sizeof(float));
            }
        }
        for (long b = 0; b < B; b++) memcpy((float*)g.logits + b * V_, logits + b * V_padded, V_ * sizeof(float));
    }

    void member(Team& team, int id, Turn& phase) {
        for (long t = 0; t < g.count; t++) {
            for (long b = share(B, id, team.size); b < share(B, id + 1, team.size); b++) choose(t, b, id);
            team.wait(phase);
            for (long l = 0; l < g.depth; l++) {
                step(l, t, team, phase, id);
                team.wait(phase);
            }
            head(t, team, id);
            team.wait(phase);
        }
    }

    int64_t* ids(long t) const { return (int64_t*)g.ids + t * B; }

    void choose(long t, long b, int id) {
        int64_t v;
        if (g.forced) {
            v = ((const int64_t*)g.forced)[t * B + b];
        } else {
            const double u = uniform(((const uint64_t*)g.seed)[b], ((const uint64_t*)g.stream)[b],
                                     ((const uint64_t*)g.position)[b] + t);
            const Choice choice{((const double*)g.temperature)[b], ((const double*)g.top_p)[b],
                                ((const int64_t*)g.top_k)[b], u};
            double* const p = chances + 2 * V_ * id;
            v = choice(logits + b * V_padded, V_, p, p + V_, orders + V_ * id);
        }
        ids(t)[b] = v;
        const long E = g.layers[0].I;
        if (g.embedding) memcpy(places[0].below + b * E, (const float*)g.embedding + v * E, E * sizeof(float));
    }

    void head(long t, const Team& team, int id) {
        const long ld = g.reads == 1 ? places[0].D : width;
        const Inputs<F> x = F::inputs(head_input, ld, B, head_depth, scratch_x[id]);
        blocks(V_padded / (kHead * W), team, id, [&](auto rows, long panel, long b) {
            constexpr int R = decltype(rows)::count;
            V sums[R][kHead];
            for (int r = 0; r < R; r++)
                for (int j = 0; j < kHead; j++) sums[r][j] = load((const float*)g.head_bias + (panel * kHead + j) * W);
            add_product<kHead>(g.head, panel, head_depth, x, b, sums);
            for (int r = 0; r < R; r++)
                for (int j = 0; j < kHead; j++) {
                    const long v = (panel * kHead + j) * W;
                    store(logits + (b + r) * V_padded + v, sums[r][j]);
                    if (g.every && v < V_)
                        store((float*)g.every + (t * B + b + r) * V_ + v, sums[r][j], min_(W, V_ - v));
                }
        });
    }

    // work(rows, panel, b) for this thread's share of the panels and for all streams, `rows` of them at a time.
    template <int N>
    struct Rows {
        static constexpr int count = N;
    };
    template <class Work>
    MEMBER void blocks(long panels, const Team& team, int id, Work work) const {
        for (long panel = share(panels, id, team.size); panel < share(panels, id + 1, team.size); panel++) {
            long b = 0;
            for (; b + kRows <= B; b += kRows) work(Rows<kRows>{}, panel, b);
            for (; b < B; b++) work(Rows<1>{}, panel, b);
        }
    }

    // ---- one step of one layer ---------------------------------------------------------------------------------

    struct Step {
        const Layer& layer;
        const Place& at;
        long l, t, below_ld;
        Inputs<F> x, h;
        const float* before() const { return at.h[t & 1]; }
        float* after() const { return at.h[1 - (t & 1)]; }
    };

    void step(long l, long t, Team& team, Turn& phase, int id) {
        const Layer& layer = g.layers[l];
        const Place& at = places[l];
        const long below_ld = l ? width : layer.I;
        const Step s{layer, at, l, t, below_ld,
                     layer.I ? F::inputs(at.below, below_ld, B, layer.I, scratch_x[id]) : Inputs<F>{},
                     F::inputs(at.h[t & 1], at.D, B, at.D, scratch_h[id])};
        auto each = [&](auto work) { blocks(at.panels, team, id, work); };
        if (layer.kind == 0) {
            each([&](auto rows, long panel, long b) { elman<decltype(rows)::count>(s, panel, b); });
        } else if (layer.kind == 2) {
            each([&](auto rows, long panel, long b) { lstm<decltype(rows)::count>(s, panel, b); });
        } else if (layer.reset_after) {
            each([&](auto rows, long panel, long b) { gru<decltype(rows)::count>(s, panel, b); });
        } else {
            each([&](auto rows, long panel, long b) { gru_gates<decltype(rows)::count>(s, panel, b); });
            team.wait(phase);
            const Inputs<F> rh = F::inputs(reset, at.D, B, at.D, scratch_h[id]);
            each([&](auto rows, long panel, long b) { gru_new<decltype(rows)::count>(s, rh, panel, b); });
        }
    }

    // The contribution of the input: biases and the product with x.
    template <int G, int R, int S>
    MEMBER void begin(const Step& s, long panel, long b, V (&sums)[R][S]) const {
        for (int r = 0; r < R; r++) {
            const long row = s.layer.I || s.l ? 0 : ids(s.t)[b + r];
            const float* from = (const float*)s.layer.table + (row * s.at.panels + panel) * G * W;
            for (int j = 0; j < G; j++) sums[r][j] = load(from + j * W);
        }
        if (s.layer.I) add_product<G>(s.layer.ih, panel, s.layer.I, s.x, b, sums);
    }

    // Store the new h of W units for the next step, the layer above, and the head's sum.
    MEMBER void finish(const Step& s, long unit, long b, V h) const {
        const long at = b * s.at.D + unit;
        if (s.layer.zoneout_h) h = blend(s.layer.zoneout_h, load(s.before() + at), h);
        h = hold(s.layer.hold_h, unit, h);
        store(s.after() + at, h);
        V up = h;
        if (s.layer.residual) up += load(s.at.below + b * s.below_ld + unit);
        store(s.at.up + b * width + unit, up);
        if (g.reads == 1) store(summed + at, s.l ? load(summed + at) + up : up);
    }
    // v with the values of held units, as analysis/clamp.py holds them: in the state, and in what the layer passes up.
    INLINE V hold(const void* values, long unit, V v) {
        if (!values) return v;
        const V value = load((const float*)values + unit);
        return value == value ? value : v;  // NaN: not held
    }
    INLINE V blend(double rate, V old, V now) { return float(rate) * old + (1.f - float(rate)) * now; }

    template <int R>
    MEMBER void elman(const Step& s, long panel, long b) const {
        V a[R][1];
        begin<1>(s, panel, b, a);
        add_product<1>(s.layer.hh, panel, s.at.D, s.h, b, a);  // (1)
        for (int r = 0; r < R; r++)
            finish(s, panel * W, b + r, s.layer.relu ? (a[r][0] < 0.f ? V{} : a[r][0]) : tanh_(a[r][0]));  // (2)
    }

    template <int R>
    MEMBER void gru(const Step& s, long panel, long b) const {
        V a[R][4];  // r, z, n from below, n from h
        begin<3>(s, panel, b, a);
        for (int r = 0; r < R; r++) a[r][3] = load((const float*)s.layer.bias_hn + panel * W);
        add_product<3>(s.layer.hh, panel, s.at.D, s.h, b, a, 3);
        for (int r = 0; r < R; r++) {
            const V h = load(s.before() + (b + r) * s.at.D + panel * W);
            const V z = sigmoid(a[r][1]), n = tanh_(a[r][2] + sigmoid(a[r][0]) * a[r][3]);  // (1) (2) (3a)
            finish(s, panel * W, b + r, z * h + (1.f - z) * n);                             // (4)
        }
    }

    // (3b) needs r ∘ h of all units: first the gates …
    template <int R>
    MEMBER void gru_gates(const Step& s, long panel, long b) const {
        V a[R][3];  // r, z, n from below
        begin<3>(s, panel, b, a);
        add_product<2>(s.layer.hh, panel, s.at.D, s.h, b, a);
        for (int r = 0; r < R; r++) {
            const long at = (b + r) * s.at.D + panel * W;
            store(reset + at, sigmoid(a[r][0]) * load(s.before() + at));  // (1)
            store(held + at, sigmoid(a[r][1]));                           // (2)
            store(held + B * s.at.D + at, a[r][2]);
        }
    }
    // … then n.
    template <int R>
    MEMBER void gru_new(const Step& s, const Inputs<F>& rh, long panel, long b) const {
        V a[R][1];
        for (int r = 0; r < R; r++) a[r][0] = load(held + B * s.at.D + (b + r) * s.at.D + panel * W);
        add_product<1>(s.layer.hn, panel, s.at.D, rh, b, a);
        for (int r = 0; r < R; r++) {
            const long at = (b + r) * s.at.D + panel * W;
            const V z = load(held + at), h = load(s.before() + at);
            finish(s, panel * W, b + r, z * h + (1.f - z) * tanh_(a[r][0]));  // (3b) (4)
        }
    }

    template <int R>
    MEMBER void lstm(const Step& s, long panel, long b) const {
        V a[R][4];
        begin<4>(s, panel, b, a);
        add_product<4>(s.layer.hh, panel, s.at.D, s.h, b, a);
        const float* peep = s.layer.peepholes ? (const float*)s.layer.peepholes + panel * W : nullptr;
        for (int r = 0; r < R; r++) {
            float* memory_cell = s.at.c + (b + r) * s.at.D + panel * W;
            const V before = load(memory_cell);
            V ai = a[r][0], af = a[r][1], ao = a[r][3];
            if (peep) {
                ai += load(peep) * before;
                af += load(peep + s.at.D) * before;
            }
            V c = sigmoid(af) * before + sigmoid(ai) * tanh_(a[r][2]);  // (1) (2) (3) (4)
            c = hold(s.layer.hold_c, panel * W, c);
            if (peep) ao += load(peep + 2 * s.at.D) * c;
            const V h = sigmoid(ao) * tanh_(c);  // (5) (6)
            if (s.layer.zoneout_c) c = hold(s.layer.hold_c, panel * W, blend(s.layer.zoneout_c, before, c));
            store(memory_cell, c);
            finish(s, panel * W, b + r, h);
        }
    }
};

template <class F>
static void write(const Generation& g) {
    Writer<F>{g}();
}
extern const GenerationKernel generate[3];
const GenerationKernel generate[3] = {write<Float32>, write<Bfloat16>, write<Int8>};

}  // namespace ISA
