// The Python bindings. They take addresses and return nothing: kernels/native.py allocates and checks every tensor.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <unordered_map>

#include "dispatch.h"
#include "team.h"

namespace nb = nanobind;

namespace {

const Kernels& kernels(const std::string& name) {
    for (const Kernels& one : available())
        if (one.name == name) return one;
    throw nb::value_error(("no kernels for " + name).c_str());
}

using Setter = void (*)(Sequence&, nb::handle);

const std::unordered_map<std::string, Setter>& fields() {
    static const std::unordered_map<std::string, Setter> all = {
#define X(name) {#name, [](Sequence& s, nb::handle v) { s.name = nb::cast<int64_t>(v); }},
        UNROLLED_SIZES(X)
#undef X
#define X(name) {#name, [](Sequence& s, nb::handle v) { s.name = nb::cast<double>(v); }},
        UNROLLED_RATES(X)
#undef X
#define X(name) {#name, [](Sequence& s, nb::handle v) { s.name = reinterpret_cast<void*>(nb::cast<uintptr_t>(v)); }},
        UNROLLED_ARRAYS(X)
#undef X
    };
    return all;
}

// run(set, cell, double, backward, **fields): cell 0 rnn, 1 gru, 2 lstm.
void run(const std::string& set, int cell, bool is_double, bool backward, nb::kwargs given) {
    Sequence sequence;
    for (auto [key, value] : given) {
        const auto found = fields().find(nb::cast<std::string>(key));
        if (found == fields().end()) throw nb::key_error(nb::cast<std::string>(key).c_str());
        found->second(sequence, value);
    }
    if (cell < 0 || cell > 2) throw nb::value_error("cell must be 0, 1 or 2");
    const Kernels& table = kernels(set);
    nb::gil_scoped_release release;
    const int with_norm = cell == 2 && sequence.norm;
    (backward ? table.backward : table.forward)[cell + with_norm][is_double](sequence);
}

// Assigns a field of `task` in a loop over the given keyword arguments, from `name` and `value`.
#define SIZE(field) \
    if (name == #field) { \
        task.field = nb::cast<int64_t>(value); \
        continue; \
    }
#define ADDRESS(field) \
    if (name == #field) { \
        task.field = reinterpret_cast<void*>(nb::cast<uintptr_t>(value)); \
        continue; \
    }

// attention(set, double, backward, **fields)
void attention(const std::string& set, bool is_double, bool backward, nb::kwargs given) {
    Attention task;
    for (auto [key, value] : given) {
        const std::string name = nb::cast<std::string>(key);
        UNROLLED_ATTENTION_SIZES(SIZE)
        UNROLLED_ATTENTION_ARRAYS(ADDRESS)
        throw nb::key_error(name.c_str());
    }
    const Kernels& table = kernels(set);
    nb::gil_scoped_release release;
    (backward ? table.attention_backward : table.attention_forward)[task.lstm != 0][is_double](task);
}

// parallel(set, kind, double, backward, **fields)
void parallel(const std::string& set, int kind, bool is_double, bool backward, nb::kwargs given) {
    Parallel task;
    for (auto [key, value] : given) {
        const std::string name = nb::cast<std::string>(key);
        UNROLLED_PARALLEL_SIZES(SIZE)
        UNROLLED_PARALLEL_ARRAYS(ADDRESS)
        throw nb::key_error(name.c_str());
    }
    if (kind < 0 || kind >= kParallelKinds) throw nb::value_error("there is no such kind");
    const Kernels& table = kernels(set);
    nb::gil_scoped_release release;
    (backward ? table.parallel_backward : table.parallel_forward)[kind][is_double](task);
}

// ctc(set, double, backward, **fields)
void ctc(const std::string& set, bool is_double, bool backward, nb::kwargs given) {
    Ctc task;
    for (auto [key, value] : given) {
        const std::string name = nb::cast<std::string>(key);
        UNROLLED_CTC_SIZES(SIZE)
        UNROLLED_CTC_ARRAYS(ADDRESS)
        throw nb::key_error(name.c_str());
    }
    const Kernels& table = kernels(set);
    nb::gil_scoped_release release;
    (backward ? table.ctc_backward : table.ctc_forward)[is_double](task);
}

// maps(set, lstm, double, backward, **fields)
void maps(const std::string& set, bool lstm, bool is_double, bool backward, nb::kwargs given) {
    Maps task;
    for (auto [key, value] : given) {
        const std::string name = nb::cast<std::string>(key);
        UNROLLED_MAPS_SIZES(SIZE)
        UNROLLED_MAPS_ARRAYS(ADDRESS)
        throw nb::key_error(name.c_str());
    }
    const Kernels& table = kernels(set);
    nb::gil_scoped_release release;
    (backward ? table.maps_backward : table.maps_forward)[lstm][is_double](task);
}

#undef SIZE
#undef ADDRESS

// ---- generation ------------------------------------------------------------------------------------------------

template <class T>
T* address(nb::handle v) {
    return reinterpret_cast<T*>(nb::cast<uintptr_t>(v));
}

// (weights, scales, offsets)
Matrix matrix(nb::handle v) {
    const auto parts = nb::cast<nb::tuple>(v);
    return {address<void>(parts[0]), address<void>(parts[1]), address<void>(parts[2])};
}

Layer layer(nb::dict given) {
    Layer made;
    for (auto [key, value] : given) {
        const std::string name = nb::cast<std::string>(key);
#define X(field) \
    if (name == #field) { \
        made.field = nb::cast<decltype(made.field)>(value); \
        continue; \
    }
        UNROLLED_LAYER_SIZES(X)
        UNROLLED_LAYER_RATES(X)
#undef X
#define X(field) \
    if (name == #field) { \
        made.field = matrix(value); \
        continue; \
    }
        UNROLLED_LAYER_MATRICES(X)
#undef X
#define X(field) \
    if (name == #field) { \
        made.field = address<void>(value); \
        continue; \
    }
        UNROLLED_LAYER_ARRAYS(X)
#undef X
        throw nb::key_error(name.c_str());
    }
    return made;
}

// generate(set, weights, layers, head, **fields): weights 0 float32, 1 bfloat16, 2 int8; layers a list of dicts.
void generate(const std::string& set, int weights, nb::list layers, nb::tuple head, nb::kwargs given) {
    std::vector<Layer> stack;
    for (nb::handle one : layers) stack.push_back(layer(nb::cast<nb::dict>(one)));
    Generation all;
    all.layers = stack.data();
    all.depth = static_cast<int64_t>(stack.size());
    all.head = matrix(head);
    for (auto [key, value] : given) {
        const std::string name = nb::cast<std::string>(key);
#define X(field) \
    if (name == #field) { \
        all.field = nb::cast<int64_t>(value); \
        continue; \
    }
        UNROLLED_GENERATION_SIZES(X)
#undef X
#define X(field) \
    if (name == #field) { \
        all.field = address<void>(value); \
        continue; \
    }
        UNROLLED_GENERATION_ARRAYS(X)
#undef X
        throw nb::key_error(name.c_str());
    }
    if (weights < 0 || weights > 2 || stack.empty()) throw nb::value_error("weights must be 0, 1 or 2; layers not empty");
    const Kernels& table = kernels(set);
    nb::gil_scoped_release release;
    table.generate[weights](all);
}

// ---- memory ----------------------------------------------------------------------------------------------------

struct Owned {
    void* base;
    size_t size;
};

// A block of bytes for a tensor; it returns to the list of free blocks with the last reference.
nb::ndarray<nb::pytorch, uint8_t, nb::ndim<1>> block(size_t bytes) {
    auto* owned = new Owned{nullptr, 0};
    owned->base = take_block(bytes, &owned->size);
    nb::capsule owner(owned, [](void* p) noexcept {
        auto* gone = static_cast<Owned*>(p);
        give_block(gone->base, gone->size);
        delete gone;
    });
    return nb::ndarray<nb::pytorch, uint8_t, nb::ndim<1>>(owned->base, {bytes}, owner);
}

}  // namespace

void bind_frozen(nb::module_& m);  // frozen_bindings.cpp
void bind_ctc(nb::module_& m);     // ctc_bindings.cpp

NB_MODULE(_native, m) {
    m.doc() = "The CPU kernels; only the modules of unrolled.kernels call them.";
    m.def("run", &run, nb::arg("set"), nb::arg("cell"), nb::arg("is_double"), nb::arg("backward"), nb::arg("kwargs"));
    m.def("attention", &attention, nb::arg("set"), nb::arg("is_double"), nb::arg("backward"), nb::arg("kwargs"));
    m.def("parallel", &parallel, nb::arg("set"), nb::arg("kind"), nb::arg("is_double"), nb::arg("backward"),
          nb::arg("kwargs"));
    m.def("ctc", &ctc, nb::arg("set"), nb::arg("is_double"), nb::arg("backward"), nb::arg("kwargs"));
    m.def("maps", &maps, nb::arg("set"), nb::arg("lstm"), nb::arg("is_double"), nb::arg("backward"), nb::arg("kwargs"));
    m.def("generate", &generate, nb::arg("set"), nb::arg("weights"), nb::arg("layers"), nb::arg("head"),
          nb::arg("kwargs"));
    bind_frozen(m);
    bind_ctc(m);
    m.def("vector_bytes", [](const std::string& set) { return kernels(set).vector_bytes; }, nb::arg("set"));
    m.def("block", &block, nb::arg("bytes"));
    m.def("release_free_blocks", &release_free_blocks);
    m.def("adapt_threads", &adapt_threads, nb::arg("on"));
    m.def("team_size", [](double multiplications, int threads) {  // what a recurrence of this size would use now
        return Pace(Calls::recurrence, multiplications, threads).threads;
    }, nb::arg("multiplications"), nb::arg("threads"));
    m.def("sets", [] {
        std::vector<std::string> names;
        for (const Kernels& one : available()) names.push_back(one.name);
        return names;
    });
}
