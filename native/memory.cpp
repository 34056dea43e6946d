// The allocator of Workspace and of Python's tensors: a list of free blocks.
#include <stdlib.h>
#include <sys/mman.h>

#include <mutex>
#include <new>
#include <vector>

#include "team.h"

namespace {

struct Block {
    void* base;
    size_t size;
};

constexpr size_t kHuge = size_t(2) << 20;        // a huge page; blocks of at least this size are aligned to one
constexpr size_t kSmall = size_t(64) << 10;      // blocks are multiples of it
constexpr size_t kKeepAtMost = size_t(2) << 30;  // bytes of free blocks

std::mutex& lock() {
    static std::mutex* one = new std::mutex;  // never destroyed: tensors may outlive static destructors
    return *one;
}
std::vector<Block>& blocks() {
    static auto* all = new std::vector<Block>;
    return *all;
}
size_t kept = 0;

}  // namespace

void* take_block(size_t bytes, size_t* size) {
    const size_t wanted = bytes ? (bytes + kSmall - 1) / kSmall * kSmall : kSmall;
    {
        std::lock_guard<std::mutex> guard(lock());
        auto best = blocks().end();
        for (auto it = blocks().begin(); it != blocks().end(); ++it)  // the smallest that fits without waste
            if (it->size >= wanted && it->size <= 2 * wanted && (best == blocks().end() || it->size < best->size))
                best = it;
        if (best != blocks().end()) {
            const Block found = *best;
            blocks().erase(best);
            kept -= found.size;
            *size = found.size;
            return found.base;
        }
    }
    void* base = nullptr;
    if (posix_memalign(&base, wanted < kHuge ? kSmall : kHuge, wanted)) throw std::bad_alloc();
    *size = wanted;
#ifdef MADV_HUGEPAGE
    if (wanted >= kHuge) madvise(base, wanted, MADV_HUGEPAGE);
#endif
    return base;
}

void give_block(void* block, size_t size) {
    std::unique_lock<std::mutex> guard(lock());
    if (kept + size > kKeepAtMost) {
        guard.unlock();
        free(block);
        return;
    }
    blocks().push_back({block, size});
    kept += size;
}

void release_free_blocks() {
    std::lock_guard<std::mutex> guard(lock());
    for (const Block& block : blocks()) free(block.base);
    blocks().clear();
    kept = 0;
}

Workspace::Workspace(size_t bytes) : base_(static_cast<char*>(take_block(bytes, &size_))) {}
Workspace::~Workspace() { give_block(base_, size_); }
