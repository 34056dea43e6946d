// Convolutional recurrences; the equations are numbered as in cells/conv_lstm.py and conv_gru.py.
//
// A recurrent convolution is a product: the rows of its left factor are, for each position, the K·H numbers around it
// ("surroundings"). Its gradient is the product with the transposed weights, (P, K·H), of which every position then adds
// the K parts that belong to it. Lanes are divided among the threads; if there are fewer lanes than threads, the
// positions of each lane are, with barriers between the products and what reads the results of other positions.
#include "maps.h"
#include "products.h"

namespace ISA {

constexpr long kRows = 64;  // positions whose surroundings are in memory at a time

// For every position and tap, the position it reads, or −1 outside the map; and the one whose tap reads it.
struct Neighbours {
    int32_t *reads, *is_read_by;
    long P, K;

    void fill(const Maps& q) const {
        const long D = q.D, E = q.E, F = q.F;
        long k = 0;
        for (long u = 0; u < q.U; u++)
            for (long v = 0; v < q.V; v++)
                for (long w = 0; w < q.W; w++, k++) {
                    const long a = u - (q.U - 1) / 2, b = v - (q.V - 1) / 2, c = w - (q.W - 1) / 2;
                    long p = 0;
                    for (long d = 0; d < D; d++)
                        for (long e = 0; e < E; e++)
                            for (long f = 0; f < F; f++, p++) {
                                reads[p * K + k] = place(q, d + a, e + b, f + c);
                                is_read_by[p * K + k] = place(q, d - a, e - b, f - c);
                            }
                }
    }
    static int32_t place(const Maps& q, long d, long e, long f) {
        const bool inside = d >= 0 && d < q.D && e >= 0 && e < q.E && f >= 0 && f < q.F;
        return inside ? (int32_t)((d * q.E + e) * q.F + f) : -1;
    }
};

template <bool kLstm, class T, class E>
struct Recurrence {
    static constexpr int W = Lanes<T>::W, G = kLstm ? 4 : 3;
    static constexpr long kTerms = Desk<T, E>::terms;  // rows of a sum of the weights' gradients
    const Maps& q;
    const bool back;
    const long H = q.H, P = q.D * q.E * q.F, K = q.U * q.V * q.W, N = (kLstm ? 4 : 2) * H, size = P * H;
    const bool whole = q.B >= q.threads;  // a part is whole lanes; otherwise there is one, of all threads
    // The memory of a part; then of a thread.
    const bool summing = q.dweight != nullptr;
    const long of_surroundings = summing ? kTerms * K * H : 0, of_panels = summing ? Desk<T, E>::panels_size(N) : 0;
    const long of_sums = summing ? K * H * G * H : 0, of_columns = back ? P * K * H : 0;
    const long of_part = of_surroundings + of_panels + of_sums + of_columns + 5 * size + 768;
    const long of_thread = Desk<T, E>::rows_size + Desk<T, E>::edge_size + kRows * (K * H + N) + 512;
    Workspace memory;
    T* const ordered;  // (G·H, K, H)
    E *const packed, *const packed_n;
    Neighbours near;

    struct Part {  // of the maps of one lane
        T *surroundings, *sums, *columns, *masked, *gated, *dh, *dc, *kept;
        E* panels;
    };
    struct Own {  // of one thread
        Desk<T, E> desk;
        T *surroundings, *sums;
    };
    Part* const parts;
    Own* const owns;

    Recurrence(const Maps& given, bool backward)
        : q(given), back(backward),
          memory(sizeof(T) * size_t(2 * (Packed<T, E>::size(K * H, N) + Packed<T, E>::size(N, K * H)) + G * H * K * H + q.threads * (of_part + of_thread) + 4096) +
                 2 * sizeof(int32_t) * size_t(P * K) + (sizeof(Part) + sizeof(Own)) * size_t(q.threads) + 4096),
          ordered(memory.next<T>(G * H * K * H)), packed(memory.next<E>(back ? Packed<T, E>::size(N, K * H) : Packed<T, E>::size(K * H, N))),
          packed_n(memory.next<E>(kLstm ? 0 : back ? Packed<T, E>::size(H, K * H) : Packed<T, E>::size(K * H, H))),
          near{memory.next<int32_t>(P * K), memory.next<int32_t>(P * K), P, K}, parts(memory.next<Part>(q.threads)),
          owns(memory.next<Own>(q.threads)) {
        near.fill(q);
        for (long s = 0; s < (whole ? q.threads : 1); s++) {
            parts[s].surroundings = memory.next<T>(of_surroundings);
            parts[s].sums = memory.next<T>(of_sums);
            memset(parts[s].sums, 0, of_sums * sizeof(T));
            parts[s].columns = memory.next<T>(of_columns);
            T** const maps[5] = {&parts[s].masked, &parts[s].gated, &parts[s].dh, &parts[s].dc, &parts[s].kept};
            for (T** map : maps) *map = memory.next<T>(size);
            parts[s].panels = memory.next<E>(of_panels);
        }
        for (long s = 0; s < q.threads; s++) {
            E* const rows = memory.next<E>(Desk<T, E>::rows_size);
            T* const edge = memory.next<T>(Desk<T, E>::edge_size);
            owns[s] = {{nullptr, rows, edge}, memory.next<T>(kRows * K * H), memory.next<T>(kRows * N)};
        }
    }

    void operator()() {
        const double work = double(q.T * q.B) * P * G * H * H * K * (back ? 2 : 1);
        run_team(Calls::recurrence, work, (int)q.threads, [&](Team& team, int id, Turn& phase) {
            [[maybe_unused]] const Products products_of_this_thread;
            order(team, id);
            team.wait(phase);
            pack(team, id, ordered, N, packed);
            if (!kLstm) pack(team, id, ordered + N * K * H, H, packed_n);
            team.wait(phase);
            if (whole) {
                each_part(q.threads, team, id, [&](int part) {
                    Team alone;
                    Turn turn;
                    Lane lane{*this, alone, 0, turn, parts[part], owns[part], part};
                    for (lane.b = share(q.B, part, (int)q.threads); lane.b < share(q.B, part + 1, (int)q.threads); lane.b++)
                        back ? lane.backward() : lane.forward();
                });
            } else {
                Lane lane{*this, team, id, phase, parts[0], owns[id], id};
                for (lane.b = 0; lane.b < q.B; lane.b++) back ? lane.backward() : lane.forward();
            }
            team.wait(phase);
            if (summing) add_up(team, id);
        });
    }

    // The weights with the channels of a tap side by side, as the surroundings have them.
    void order(const Team& team, int id) const {
        for (long n = share(G * H, id, team.size); n < share(G * H, id + 1, team.size); n++) {
            const T* from = (const T*)q.weight + n * H * K;
            T* to = ordered + n * K * H;
            for (long k = 0; k < K; k++)
                for (long c = 0; c < H; c++) to[k * H + c] = from[c * K + k];
        }
    }
    // n rows of them
    void pack(const Team& team, int id, const T* weights, long n, E* to) const {
        if (back)
            Packed<T, E>{to, n, K * H}.rows(team, id, [=](long g) { return weights + g * K * H; });
        else
            Packed<T, E>{to, K * H, n}.columns(team, id, weights, K * H);
    }
    // The gradient of the weights, of all parts, as torch stores it.
    void add_up(const Team& team, int id) const {
        for (long n = share(G * H, id, team.size); n < share(G * H, id + 1, team.size); n++) {
            const long wide = n < N ? N : H, column = n < N ? n : K * H * N + n - N;
            T* to = (T*)q.dweight + n * H * K;
            for (long c = 0; c < H; c++)
                for (long k = 0; k < K; k++) {
                    T sum = 0;
                    for (long s = 0; s < (whole ? q.threads : 1); s++) sum += parts[s].sums[column + (k * H + c) * wide];
                    to[c * K + k] = sum;
                }
        }
    }

    // One lane over time, on the threads of a team.
    struct Lane {
        const Recurrence& r;
        Team& team;
        const int id;
        Turn& phase;
        const Part& part;
        const Own& own;
        const int slot;  // where the gradients of the peepholes are added up
        long b = 0;
        const Maps& q = r.q;
        const long H = r.H, P = r.P, K = r.K, N = r.N, size = r.size;
        const long begin = share(P, id, team.size), end = share(P, id + 1, team.size);

        long steps() const { return q.lengths ? ((const int64_t*)q.lengths)[b] : q.T; }
        long time(long s) const { return q.reverse ? steps() - 1 - s : s; }  // of the step executed as number s
        long row(long s) const { return time(s) * q.B + b; }
        bool resets(long t) const { return q.resets && ((const uint8_t*)q.resets)[t * q.B + b]; }
        bool begins(long s) const { return q.reverse ? s > 0 && resets(time(s - 1)) : s < steps() && resets(time(s)); }
        bool ends() const { return q.reverse && steps() && resets(0); }  // in reverse, a reset may follow the last step
        const T* before(long s, const void* all, const void* zero, const void* initial) const {
            if (begins(s)) return (const T*)initial + b * size;
            return s ? (const T*)all + row(s - 1) * size : (const T*)zero + b * size;
        }
        const T* h_before(long s) const { return before(s, q.y, q.h0, q.hi); }
        const T* c_before(long s) const { return before(s, q.c, q.c0, q.ci); }

        // Call f(position, first unit, units) for the vectors of this thread's positions.
        template <class F>
        INLINE void each(const Lane& l, F f) {
            for (long p = l.begin; p < l.end; p++)
                for (long j = 0; j < l.H; j += W) f(p, j, (int)min_(W, l.H - j));
        }

        // h as the recurrent convolution reads it.
        const T* read(const T* h) const {
            if (!q.mask) return h;
            const T* mask = (const T*)q.mask + b * H;
            each(*this, [&](long p, long j, int n) { store(part.masked + p * H + j, load(h + p * H + j, n) * load(mask + j, n), n); });
            team.wait(phase);
            return part.masked;
        }
        void surround(const T* h, long p, T* to) const {
            for (long k = 0; k < K; k++, to += H) {
                const int32_t at = r.near.reads[p * K + k];
                at < 0 ? (void)memset(to, 0, H * sizeof(T)) : (void)memcpy(to, h + at * H, H * sizeof(T));
            }
        }
        // Whether the state before a step is an initial one of zeros, whose products need not be computed.
        bool nothing(long s) const {
            if (s && !begins(s)) return false;
            const T* h = h_before(s);
            for (long i = 0; i < size; i++)
                if (h[i] != T(0)) return false;
            return true;
        }
        // The convolution of h, (rows, n) at a time: calls f(first position, rows, sums).
        template <class F>
        void convolve(const T* h, bool zero, const E* packed, long n, F f) const {
            for (long p = begin; p < end; p += kRows) {
                const long rows = min_(kRows, end - p);
                if (zero) {
                    memset(own.sums, 0, rows * n * sizeof(T));
                    f(p, rows, own.sums);
                    continue;
                }
                for (long i = 0; i < rows; i++) surround(h, p + i, own.surroundings + i * K * H);
                packed_product(own.desk, Packed<T, E>{(E*)packed, K * H, n}, rows, own.surroundings, K * H, own.sums, false);
                f(p, rows, own.sums);
            }
        }
        // The same by the transposed weights: da (P, ·), of which n numbers from `first` on, → d, the sum at each position.
        template <class F>
        void spread(const T* da, long n, const E* packed, F f) const {
            packed_product(own.desk, Packed<T, E>{(E*)packed, n, K * H}, end - begin, da + begin * G * H, G * H,
                           part.columns + begin * K * H, false);
            team.wait(phase);
            each(*this, [&](long p, long j, int n) {
                Vec<T> d = {};
                for (long k = 0; k < K; k++) {
                    const int32_t from = r.near.is_read_by[p * K + k];
                    if (from >= 0) d += load(part.columns + (from * K + k) * H + j, n);
                }
                f(p, j, n, d);
            });
            team.wait(phase);
        }

        void forward() {
            const long S = steps();
            for (long s = 0; s < S; s++) {
                const T *h = h_before(s), *seen = read(h), *p = (const T*)q.p + row(s) * P * G * H;
                const bool zero = nothing(s);
                T *y = (T*)q.y + row(s) * size, *gates = q.gates ? (T*)q.gates + row(s) * P * G * H : nullptr;
                if constexpr (kLstm) {
                    const T *before = c_before(s), *peep = (const T*)q.peepholes;
                    T* after = (T*)q.c + row(s) * size;
                    convolve(seen, zero, r.packed, 4 * H, [&](long first, long rows, const T* sums) {
                        for (long at = first; at < first + rows; at++, sums += 4 * H)
                            for (long j = 0; j < H; j += W) {
                                const int n = (int)min_(W, H - j);
                                Vec<T> a[4];
                                for (int g = 0; g < 4; g++) a[g] = load(p + (at * 4 + g) * H + j, n) + load(sums + g * H + j, n);
                                const Vec<T> old = load(before + at * H + j, n);
                                const T* own_peep = peep + (q.places > 1 ? at * H : 0) + j;
                                const long apart = q.places * H;
                                if (peep) {
                                    a[0] += load(own_peep, n) * old;
                                    a[1] += load(own_peep + apart, n) * old;
                                }
                                a[0] = sigmoid(a[0]);  // (1)
                                a[1] = sigmoid(a[1]);  // (2)
                                a[2] = tanh_(a[2]);    // (3)
                                const Vec<T> c = a[1] * old + a[0] * a[2];  // (4)
                                if (peep) a[3] += load(own_peep + 2 * apart, n) * c;
                                a[3] = sigmoid(a[3]);  // (5)
                                store(after + at * H + j, c, n);
                                store(y + at * H + j, a[3] * tanh_(c), n);  // (6)
                                for (int g = 0; gates && g < 4; g++) store(gates + (at * 4 + g) * H + j, a[g], n);
                            }
                    });
                } else {
                    T* gated = part.gated;
                    convolve(seen, zero, r.packed, 2 * H, [&](long first, long rows, const T* sums) {
                        for (long at = first; at < first + rows; at++, sums += 2 * H)
                            for (long j = 0; j < H; j += W) {
                                const int n = (int)min_(W, H - j);
                                const Vec<T> reset = sigmoid(load(p + at * 3 * H + j, n) + load(sums + j, n));             // (1)
                                const Vec<T> z = sigmoid(load(p + (at * 3 + 1) * H + j, n) + load(sums + H + j, n));  // (2)
                                store(gated + at * H + j, reset * load(seen + at * H + j, n), n);
                                store(part.kept + at * H + j, z, n);
                                if (gates) store(gates + at * 3 * H + j, reset, n);
                                if (gates) store(gates + (at * 3 + 1) * H + j, z, n);
                            }
                    });
                    team.wait(phase);
                    convolve(gated, zero, r.packed_n, H, [&](long first, long rows, const T* sums) {
                        for (long at = first; at < first + rows; at++, sums += H)
                            for (long j = 0; j < H; j += W) {
                                const int n = (int)min_(W, H - j);
                                const Vec<T> old = load(h + at * H + j, n), z = load(part.kept + at * H + j, n);
                                const Vec<T> fresh = tanh_(load(p + (at * 3 + 2) * H + j, n) + load(sums + j, n));  // (3)
                                store(y + at * H + j, old + z * (fresh - old), n);                              // (4)
                                if (gates) store(gates + (at * 3 + 2) * H + j, fresh, n);
                            }
                    });
                }
                team.wait(phase);
            }
            const long from = begin * H, bytes = (end - begin) * H * sizeof(T);
            for (long t = S; t < q.T; t++) {
                memset((T*)q.y + (t * q.B + b) * size + from, 0, bytes);
                if (kLstm) memset((T*)q.c + (t * q.B + b) * size + from, 0, bytes);
                if (q.gates) memset((T*)q.gates + ((t * q.B + b) * P + begin) * G * H, 0, bytes * G);
            }
            memcpy((T*)q.hn + b * size + from, last(q.y, q.h0, q.hi) + from, bytes);
            if (kLstm) memcpy((T*)q.cn + b * size + from, last(q.c, q.c0, q.ci) + from, bytes);
            team.wait(phase);
        }
        const T* last(const void* all, const void* zero, const void* initial) const {
            if (ends()) return (const T*)initial + b * size;
            return steps() ? (const T*)all + row(steps() - 1) * size : (const T*)zero + b * size;
        }

        void backward() {
            const long S = steps(), from = begin * H, bytes = (end - begin) * H * sizeof(T);
            const bool ending = ends();
            start(part.dh, q.dhn, q.dhi, ending);
            if (kLstm) start(part.dc, q.dcn, q.dci, ending);
            for (long s = S - 1; s >= 0; s--) {
                kLstm ? lstm_back(s) : gru_back(s);
                if (begins(s)) {
                    move(part.dh, q.dhi);
                    if (kLstm) move(part.dc, q.dci);
                }
            }
            if (q.dh0) memcpy((T*)q.dh0 + b * size + from, part.dh + from, bytes);
            if (q.dc0) memcpy((T*)q.dc0 + b * size + from, part.dc + from, bytes);
            for (long t = S; t < q.T; t++) memset((T*)q.dp + ((t * q.B + b) * P + begin) * G * H, 0, bytes * G);
            team.wait(phase);
            if (r.summing) sum_weights(S);
        }
        // The gradient with respect to the state after the last step; of a reset after it, to what the reset put there.
        void start(T* d, const void* given, void* initial, bool ending) const {
            const long from = begin * H, bytes = (end - begin) * H * sizeof(T);
            given ? (void)memcpy(d + from, (const T*)given + b * size + from, bytes) : (void)memset(d + from, 0, bytes);
            if (ending) move(d, initial);
        }
        void move(T* d, void* initial) const {
            T* to = initial ? (T*)initial + b * size : nullptr;
            each(*this, [&](long p, long j, int n) {
                if (to) store(to + p * H + j, load(to + p * H + j, n) + load(d + p * H + j, n), n);
                store(d + p * H + j, Vec<T>{}, n);
            });
        }
        // Whether there is a gradient with respect to h before a step.
        bool needed(long s) const { return begins(s) ? q.dhi != nullptr : s || q.dh0; }
        INLINE Vec<T> gradient(const T* dy, const T* dh, long i, int n) {
            return dy ? load(dh + i, n) + load(dy + i, n) : load(dh + i, n);
        }

        void lstm_back(long s) const {
            const T *gates = (const T*)q.gates + row(s) * P * G * H, *c = (const T*)q.c + row(s) * size, *before = c_before(s);
            const T *dy = q.dy ? (const T*)q.dy + row(s) * size : nullptr, *peep = (const T*)q.peepholes;
            T* dp = (T*)q.dp + row(s) * P * G * H;
            const long apart = q.places * H;
            each(*this, [&](long p, long j, int n) {
                const long at = p * H + j, gate = p * 4 * H + j, own_peep = (q.places > 1 ? p * H : 0) + j;
                const Vec<T> i = load(gates + gate, n), f = load(gates + gate + H, n), g = load(gates + gate + 2 * H, n);
                const Vec<T> o = load(gates + gate + 3 * H, n), now = load(c + at, n), old = load(before + at, n);
                const Vec<T> squashed = tanh_(now), dh = gradient(dy, part.dh, at, n);
                const Vec<T> d_o = dh * squashed * o * (T(1) - o);
                Vec<T> dc = load(part.dc + at, n) + dh * o * (T(1) - squashed * squashed);
                if (peep) dc += d_o * load(peep + 2 * apart + own_peep, n);
                const Vec<T> d_i = dc * g * i * (T(1) - i), d_f = dc * old * f * (T(1) - f);
                store(dp + gate, d_i, n);
                store(dp + gate + H, d_f, n);
                store(dp + gate + 2 * H, dc * i * (T(1) - g * g), n);
                store(dp + gate + 3 * H, d_o, n);
                dc = dc * f;
                if (peep) {
                    dc += d_i * load(peep + own_peep, n) + d_f * load(peep + apart + own_peep, n);
                    T* to = (T*)q.dpeepholes + slot * 3 * apart + own_peep;
                    store(to, load(to, n) + d_i * old, n);
                    store(to + apart, load(to + apart, n) + d_f * old, n);
                    store(to + 2 * apart, load(to + 2 * apart, n) + d_o * now, n);
                }
                store(part.dc + at, dc, n);
            });
            if (!needed(s)) return;
            const T* mask = q.mask ? (const T*)q.mask + b * H : nullptr;
            spread(dp, 4 * H, r.packed, [&](long p, long j, int n, Vec<T> d) {
                store(part.dh + p * H + j, mask ? d * load(mask + j, n) : d, n);
            });
        }

        void gru_back(long s) const {
            const T *gates = (const T*)q.gates + row(s) * P * G * H, *h = h_before(s);
            const T *dy = q.dy ? (const T*)q.dy + row(s) * size : nullptr, *mask = q.mask ? (const T*)q.mask + b * H : nullptr;
            T* dp = (T*)q.dp + row(s) * P * G * H;
            each(*this, [&](long p, long j, int n) {
                const long at = p * H + j, gate = p * 3 * H + j;
                const Vec<T> z = load(gates + gate + H, n), fresh = load(gates + gate + 2 * H, n);
                const Vec<T> dh = gradient(dy, part.dh, at, n);
                store(dp + gate + H, dh * (fresh - load(h + at, n)) * z * (T(1) - z), n);
                store(dp + gate + 2 * H, dh * z * (T(1) - fresh * fresh), n);
                store(part.dh + at, dh * (T(1) - z), n);
            });
            if (!needed(s) && nothing(s)) {
                each(*this, [&](long p, long j, int n) { store(dp + p * 3 * H + j, Vec<T>{}, n); });
                return;
            }
            spread(dp + 2 * H, H, r.packed_n, [&](long p, long j, int n, Vec<T> d) {  // d: by r ∘ h
                const Vec<T> reset = load(gates + p * 3 * H + j, n);
                Vec<T> seen = load(h + p * H + j, n);
                if (mask) seen = seen * load(mask + j, n);
                store(dp + p * 3 * H + j, d * seen * reset * (T(1) - reset), n);
                store(part.kept + p * H + j, d * reset, n);
            });
            if (!needed(s)) return;
            spread(dp, 2 * H, r.packed, [&](long p, long j, int n, Vec<T> d) {
                d += load(part.kept + p * H + j, n);
                if (mask) d = d * load(mask + j, n);
                store(part.dh + p * H + j, load(part.dh + p * H + j, n) + d, n);
            });
        }

        // The gradients of the weights: of all steps and positions, some rows at a time.
        void sum_weights(long S) const {
            const Desk<T, E> desk{part.panels, own.desk.rows, own.desk.edge};
            const T *mask = q.mask ? (const T*)q.mask + b * H : nullptr;
            for (long first = S && nothing(0) ? P : 0; first < S * P; first += kTerms) {
                const long rows = min_(kTerms, S * P - first);
                for (int half = 0; half < (kLstm ? 1 : 2); half++) {
                    for (long i = share(rows, id, team.size); i < share(rows, id + 1, team.size); i++) {
                        const long s = (first + i) / P, p = (first + i) % P;
                        const T* h = h_before(s);
                        T* to = part.surroundings + i * K * H;
                        surround(h, p, to);
                        if (!mask && !half) continue;
                        const T* gates = (const T*)q.gates + row(s) * P * G * H;
                        for (long k = 0; k < K; k++) {
                            const int32_t at = r.near.reads[p * K + k];
                            if (at < 0) continue;
                            for (long j = 0; j < H; j += W) {
                                const int n = (int)min_(W, H - j);
                                Vec<T> v = load(to + k * H + j, n);
                                if (mask) v = v * load(mask + j, n);
                                if (half) v = v * load(gates + at * 3 * H + j, n);
                                store(to + k * H + j, v, n);
                            }
                        }
                    }
                    team.wait(phase);
                    const long n = half ? H : N, offset = half ? 2 * H : 0;
                    T* to = part.sums + (half ? K * H * N : 0);
                    transposed_product(team, id, phase, desk, rows, part.surroundings, K * H, Planes{1, K * H, 0},
                                       [&](long i) {
                                           const long s = (first + i) / P, p = (first + i) % P;
                                           return (const T*)q.dp + (row(s) * P + p) * G * H + offset;
                                       },
                                       n, to, n, true);
                }
            }
        }
    };
};

template <bool kLstm, class T, bool kBack>
static void run(const Maps& q) {
    if constexpr (__is_same(T, float))
        if (q.half) return Recurrence<kLstm, T, Pair>{q, kBack}();
    Recurrence<kLstm, T, T>{q, kBack}();
}

extern const MapsKernel maps_forward[2][2], maps_backward[2][2];
const MapsKernel maps_forward[2][2] = {{run<false, float, false>, run<false, double, false>},
                                       {run<true, float, false>, run<true, double, false>}};
const MapsKernel maps_backward[2][2] = {{run<false, float, true>, run<false, double, true>},
                                        {run<true, float, true>, run<true, double, true>}};

}  // namespace ISA
