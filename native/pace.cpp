// How many threads a call uses, and how a thread sleeps at a barrier.
#include <sched.h>
#include <time.h>
#ifdef __linux__
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <mutex>

#include "team.h"

namespace {

constexpr double kLeast = 1 << 18;   // multiplications of a call that are worth starting a second thread
constexpr double kGain = 1.15;       // how much more than one thread a team must work, for each two threads
constexpr double kMeasured = 4e-3;   // seconds of calls that are measured before a decision
constexpr double kShort = 20e-3, kLong = 1;  // seconds with fewer threads before the next try: doubled at every failure

// The calls of a kind whose multiplications have the same power of two.
struct Record {
    double worked = 0, seconds = 0;  // of the calls since the last decision
    double rest = kShort, until = 0;  // fewer threads until this time
    int fewer = 1;
};
constexpr int kSizes = 64;
Record records[6 * kSizes];
std::mutex& lock() {
    static std::mutex* one = new std::mutex;
    return *one;
}
bool adapting = true;

int index_of(Calls kind, double multiplications) {
    int size = 0;
    for (; multiplications >= 2 && size < kSizes - 1; multiplications /= 2) size++;
    return int(kind) * kSizes + size;
}

double seconds(clockid_t clock) {
    timespec now;
    clock_gettime(clock, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

}  // namespace

double monotonic_seconds() { return seconds(CLOCK_MONOTONIC); }
double thread_seconds() { return seconds(CLOCK_THREAD_CPUTIME_ID); }

void adapt_threads(bool on) {
    std::lock_guard<std::mutex> guard(lock());
    adapting = on;
    for (Record& one : records) one = Record{};
}

Pace::Pace(Calls kind, double multiplications, int most)
    : threads(most), most_(most), index_(index_of(kind, multiplications)) {
    if (most <= 1) return;
    std::lock_guard<std::mutex> guard(lock());
    if (!adapting) return;
    const Record& record = records[index_];
    if (multiplications < kLeast)
        threads = 1;
    else if (record.until > 0 && monotonic_seconds() < record.until)
        threads = record.fewer < most ? record.fewer : most;
}

void Pace::report(double worked, double seconds) const {
    std::lock_guard<std::mutex> guard(lock());
    Record& record = records[index_];
    if (!adapting || threads < most_) return;
    record.worked += worked;
    record.seconds += seconds;
    if (record.seconds < kMeasured) return;
    const double busy = record.worked / record.seconds;  // threads that work at a time
    record.worked = record.seconds = 0;
    if (busy >= kGain * most_ / 2) {
        record.rest = kShort;
        record.until = 0;
        return;
    }
    record.fewer = busy < 1.5 ? 1 : int(busy + 0.5);
    record.until = monotonic_seconds() + record.rest;
    record.rest = 2 * record.rest < kLong ? 2 * record.rest : kLong;
}

// A sleeper announces itself before it looks at the phase for the last time, and the last to arrive changes the phase
// before it looks for sleepers: one of them sees the other.
void Team::sleep(int goal) {
#ifdef __linux__
    __atomic_add_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
    for (int seen; (seen = __atomic_load_n(&phase, __ATOMIC_SEQ_CST)) - goal < 0;)
        syscall(SYS_futex, &phase, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
    __atomic_sub_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
#else
    (void)goal;
    sched_yield();
#endif
}

void Team::wake() {
#ifdef __linux__
    syscall(SYS_futex, &phase, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
#endif
}
