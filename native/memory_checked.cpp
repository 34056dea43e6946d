// Replaces memory.cpp in builds with sanitizers: every block, and every piece of a workspace, is a separate allocation of
// its exact size, so that sanitizers detect accesses past its end and after it is freed.
#include <stdio.h>
#include <stdlib.h>

#include <new>

#include "team.h"

void* take_block(size_t bytes, size_t* size) {
    void* base = nullptr;
    if (posix_memalign(&base, 64, bytes)) throw std::bad_alloc();
    *size = bytes;
    return base;
}

void give_block(void* block, size_t) { free(block); }
void release_free_blocks() {}

Workspace::Workspace(size_t bytes) : base_(nullptr), size_(bytes) {}
Workspace::~Workspace() {
    for (void* one : pieces_) free(one);
}

void* Workspace::piece(size_t bytes) {
    used_ += (bytes + 255) / 256 * 256;
    if (used_ > size_) {
        fprintf(stderr, "a workspace of %zu bytes is asked for %zu\n", size_, used_);
        abort();
    }
    size_t size;
    pieces_.push_back(take_block(bytes, &size));
    return pieces_.back();
}
