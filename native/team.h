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

// The threads of one call. `wait` is a barrier.
struct alignas(64) Team {
    int size = 1;
    alignas(64) long arrived = 0;
    alignas(64) long phase = 0;

    // always inlined: of an out-of-line copy the linker would keep that of an arbitrary instruction set
    inline __attribute__((always_inline)) void wait(long& mine) {
        if (size == 1) return;
        mine++;
        if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == mine * size) {
            __atomic_store_n(&phase, mine, __ATOMIC_RELEASE);
            return;
        }
        for (int spin = 0; __atomic_load_n(&phase, __ATOMIC_ACQUIRE) < mine; spin++) {
            if (spin > 300) yield();
            pause();
        }
    }
    static void yield();
    static void pause() {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }
};

// Run member(team, id) on up to `threads` threads of the process's only OpenMP runtime, that of torch.
template <class F>
static void run_team(int threads, F member) {
#if defined(__SANITIZE_THREAD__)  // it tracks std::thread but not OpenMP
    Team team;
    team.size = threads;
    std::vector<std::thread> others;
    for (int id = 1; id < threads; id++) others.emplace_back([&, id] { member(team, id); });
    member(team, 0);
    for (std::thread& one : others) one.join();
    return;
#elif defined(_OPENMP)
    if (threads > 1) {
        Team team;
#pragma omp parallel num_threads(threads)
        {
#pragma omp single
            team.size = omp_get_num_threads();  // its end is a barrier: all see the size
            member(team, omp_get_thread_num());
        }
        return;
    }
#endif
    Team alone;
    member(alone, 0);
}
