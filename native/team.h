// Threads and memory, shared by every instruction set.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef UNROLLED_CHECKED  // built with sanitizers, see CMakeLists.txt
#include <thread>
#include <vector>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

// A block of memory that stays mapped between calls, which avoids page faults. It is taken from a list of free blocks
// under a lock, so that calls from several Python threads never share one.
class Workspace {
   public:
    explicit Workspace(size_t bytes);
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

    // The next `count` elements, aligned to a cache line.
    template <class T>
    T* next(size_t count) {
#ifdef UNROLLED_CHECKED
        return static_cast<T*>(piece(count * sizeof(T)));
#else
        T* p = reinterpret_cast<T*>(base_ + used_);
        used_ += (count * sizeof(T) + 255) / 256 * 256;
        return p;
#endif
    }

   private:
    char* base_;
    size_t size_, used_ = 0;
#ifdef UNROLLED_CHECKED
    std::vector<void*> pieces_;  // separate allocations, so that sanitizers detect accesses past their ends
    void* piece(size_t bytes);
#endif
};

// Blocks for Python's tensors, from the same list.
void* take_block(size_t bytes, size_t* size);
void give_block(void* block, size_t size);
void release_free_blocks();

// How many threads calls of one size use: all they may, or fewer while the others do not run. Results do not depend on it.
// Every call reports how much of its threads' processor time was spent working, `worked`, in how long, both in seconds.
// If the threads together work hardly more than one of them could alone, since other processes occupy their cores or
// since the steps are too short, the following calls use fewer and try again later.
enum class Calls { recurrence, generation, parallel, attention, ctc, ctc_beam };
struct Pace {
    int threads;  // to use
    Pace(Calls kind, double multiplications, int most);
    void report(double worked, double seconds) const;

   private:
    const int most_, index_;
};
void adapt_threads(bool on);  // off: always as many as allowed, for tests and measurements
double monotonic_seconds();
double thread_seconds();  // processor time of this thread

// One thread's view of a team: the number of barriers it has passed, and the ticks it waited for the others, awake.
struct Turn {
    int phase = 0;
    int64_t waited = 0;
};

// The threads of one call. `wait` is a barrier: a thread that has waited for kAwake sleeps until the last one arrives,
// so that it does not keep the processor from a thread that was descheduled.
struct alignas(64) Team {
    int size = 1;
    alignas(64) int64_t arrived = 0;
    alignas(64) int phase = 0;
    int sleepers = 0;
    alignas(64) double worked = 0;

    // always inlined: of an out-of-line copy the linker would keep that of an arbitrary instruction set
    inline __attribute__((always_inline)) void wait(Turn& mine) {
        if (size == 1) return;
        const int goal = ++mine.phase;
        if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == int64_t(goal) * size) {
            __atomic_exchange_n(&phase, goal, __ATOMIC_SEQ_CST);
            if (__atomic_load_n(&sleepers, __ATOMIC_SEQ_CST)) wake();
            return;
        }
        if (!behind(goal)) return;
        const int64_t began = ticks();
        int64_t now = began;
        for (int spin = 1; behind(goal); spin++) {
            pause();
            if (spin % 64) continue;
            now = ticks();
            if (now - began > kAwake) sleep(goal);
        }
        mine.waited += now - began < kAwake ? ticks() - began : kAwake;
    }
    void add(double spent) {  // processor time of one thread
        double before = worked, after;
        do after = before + spent;
        while (!__atomic_compare_exchange(&worked, &before, &after, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    }
    static int64_t ticks() {
#if defined(__x86_64__) || defined(__i386__)
        return (int64_t)__builtin_ia32_rdtsc();
#else
        return (int64_t)(monotonic_seconds() * 1e9);
#endif
    }

   private:
    static constexpr int64_t kAwake = 300000;  // ticks, about 0.1 ms
    bool behind(int goal) const { return __atomic_load_n(&phase, __ATOMIC_ACQUIRE) - goal < 0; }
    void sleep(int goal);
    void wake();
    static void pause() {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }
};

// Run member(team, id, turn) on up to `threads` threads of the process's only OpenMP runtime, that of torch.
template <class F>
static void run_team(Calls kind, double multiplications, int threads, F member) {
#if defined(__SANITIZE_THREAD__)  // it tracks std::thread but not OpenMP
    Team team;
    team.size = threads;
    std::vector<std::thread> others;
    auto one = [&](int id) {
        Turn turn;
        member(team, id, turn);
    };
    for (int id = 1; id < threads; id++) others.emplace_back([&, id] { one(id); });
    one(0);
    for (std::thread& other : others) other.join();
    return;
#elif defined(_OPENMP)
    const Pace pace(kind, multiplications, threads);
    if (pace.threads > 1) {
        Team team;
        const double began = monotonic_seconds();
        const int64_t first = Team::ticks();
        int64_t waited = 0;
#pragma omp parallel num_threads(pace.threads)
        {
#pragma omp single
            team.size = omp_get_num_threads();  // its end is a barrier: all see the size
            const double before = thread_seconds();
            Turn turn;
            member(team, omp_get_thread_num(), turn);
            team.wait(turn);  // here and not in OpenMP's barrier, which is not measured
            team.add(thread_seconds() - before);
            __atomic_add_fetch(&waited, turn.waited, __ATOMIC_RELAXED);
        }
        const double seconds = monotonic_seconds() - began;
        pace.report(team.worked - waited * seconds / double(Team::ticks() - first), seconds);
        return;
    }
#endif
    Team alone;
    Turn turn;
    member(alone, 0, turn);
}

// Call f(part) for this thread's share of the parts. What is summed part by part is the same for any number of threads.
template <class F>
static void each_part(int64_t parts, const Team& team, int id, F f) {
    for (int64_t part = parts * id / team.size; part < parts * (id + 1) / team.size; part++) f((int)part);
}
