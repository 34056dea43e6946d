// The Python binding of a frozen stack: its weights are given once. `run` takes sizes and addresses; `call` takes tensors,
// and checks them and the weights in less time than Python would need to begin.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "dispatch.h"
#include "dlpack.h"

namespace nb = nanobind;

namespace {

template <class T>
T* address(nb::handle v) {
    return reinterpret_cast<T*>(nb::cast<uintptr_t>(v));
}

FrozenLayer layer(nb::dict given) {
    FrozenLayer made;
    for (auto [key, value] : given) {
        const std::string name = nb::cast<std::string>(key);
#define X(field) \
    if (name == #field) { \
        made.field = nb::cast<decltype(made.field)>(value); \
        continue; \
    }
        UNROLLED_FROZEN_SIZES(X)
        UNROLLED_FROZEN_RATES(X)
#undef X
#define X(field) \
    if (name == #field) { \
        const auto parts = nb::cast<nb::tuple>(value); \
        made.field = {address<void>(parts[0]), address<void>(parts[1]), address<void>(parts[2])}; \
        continue; \
    }
        UNROLLED_FROZEN_MATRICES(X)
#undef X
#define X(field) \
    if (name == #field) { \
        made.field = address<void>(value); \
        continue; \
    }
        UNROLLED_FROZEN_ARRAYS(X)
#undef X
        throw nb::key_error(name.c_str());
    }
    return made;
}

// A Python string that is made once.
PyObject* interned(const char* name) {
    PyObject* made = PyUnicode_InternFromString(name);
    if (!made) throw nb::python_error();
    return made;
}

// torch's functions for reading tensors; null before torch 2.10.
const dlpack::ExchangeApi* exchange(nb::handle tensor_type) {
    nb::object capsule = nb::getattr(tensor_type, "__dlpack_c_exchange_api__", nb::none());
    if (!PyCapsule_CheckExact(capsule.ptr())) return nullptr;
    auto* api = static_cast<const dlpack::ExchangeApi*>(PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api"));
    if (!api) PyErr_Clear();
    return api && api->version.major == 1 && api->read ? api : nullptr;
}

// Detects changes of the weights that torch records; see kernels/frozen.py.
class Watch {
   public:
    // links: (dict, key, object), tensors: the weights
    Watch(nb::handle tensor_type, nb::list links, nb::list tensors) : api_(exchange(tensor_type)) {
        for (nb::handle one : links) {
            const auto parts = nb::cast<nb::tuple>(one);
            links_.push_back({parts[0], parts[1], parts[2]});
        }
        for (nb::handle one : tensors) stamps_.push_back({nb::borrow(one), version(one), place(one)});
    }
    bool changed() const {
        for (const Link& link : links_)
            if (PyDict_GetItemWithError(link.owner.ptr(), link.name.ptr()) != link.held.ptr()) return true;
        for (const Stamp& stamp : stamps_)
            if (version(stamp.tensor) != stamp.version || place(stamp.tensor) != stamp.place) return true;
        return false;
    }
    const dlpack::ExchangeApi* api() const { return api_; }

   private:
    struct Link {
        nb::object owner, name, held;
    };
    struct Stamp {
        nb::object tensor;
        int64_t version;
        uintptr_t place;
    };

    static int64_t version(nb::handle tensor) {
        static PyObject* const name = interned("_version");
        return nb::cast<int64_t>(nb::steal(PyObject_GetAttr(tensor.ptr(), name)));
    }
    uintptr_t place(nb::handle tensor) const {
        dlpack::Tensor read;
        if (!api_) return nb::cast<uintptr_t>(tensor.attr("data_ptr")());
        if (api_->read(tensor.ptr(), &read)) throw nb::python_error();
        return reinterpret_cast<uintptr_t>(read.numbers());
    }

    const dlpack::ExchangeApi* const api_;
    std::vector<Link> links_;
    std::vector<Stamp> stamps_;
};

// FrozenStack(set, weights, layers, directions, residual, light): weights 0 float32, 1 bfloat16, 2 int8.
class Prepared {
   public:
    Prepared(const std::string& set, int weights, nb::list layers, int64_t directions, bool residual, int64_t light)
        : light_(light) {
        for (nb::handle one : layers) layers_.push_back(layer(nb::cast<nb::dict>(one)));
        if (weights < 0 || weights > 2 || layers_.empty() || (directions != 1 && directions != 2))
            throw nb::value_error("weights must be 0, 1 or 2; layers not empty; directions 1 or 2");
        stack_.layers = layers_.data();
        stack_.depth = static_cast<int64_t>(layers_.size());
        stack_.directions = directions;
        stack_.residual = residual;
        for (const Kernels& one : available())
            if (one.name == set) kernel_ = one.frozen[weights];
        if (!kernel_) throw nb::value_error(("no kernels for " + set).c_str());
    }
    Prepared(const Prepared&) = delete;
    Prepared& operator=(const Prepared&) = delete;

    // call(watch, tensor_type, threads, x, states, batch_first): outputs and the leaves of the state, in a tuple; None if
    // the arguments are not the usual ones, or the weights have changed. `states` is a tuple of leaves, or None.
    nb::object call(const Watch& watch, nb::handle tensor_type, int64_t threads, nb::handle x, nb::handle states, bool batch_first) {
        const bool has_c = layers_[0].kind == 2;
        const int64_t leaves = 1 + has_c, L = stack_.depth, H = layers_.back().H, O = stack_.directions * H;
        dlpack::Tensor in, state[2];
        if (!watch.api() || watch.changed() || !read(watch, tensor_type, x, in) || in.shape[2] != layers_[0].I) return nb::none();
        FrozenCall c;
        c.T = in.shape[batch_first], c.B = in.shape[!batch_first];
        if (in.strides[2] != 1 || c.T == 0 || c.B == 0 || c.T * c.B * O > kLarge) return nb::none();
        c.x = in.numbers(), c.x_step = in.strides[batch_first], c.x_lane = in.strides[!batch_first];
        if (!states.is_none()) {
            if (!PyTuple_CheckExact(states.ptr()) || PyTuple_GET_SIZE(states.ptr()) != leaves) return nb::none();
            for (int64_t i = 0; i < leaves; i++) {
                dlpack::Tensor& leaf = state[i];
                if (!read(watch, tensor_type, PyTuple_GET_ITEM(states.ptr(), i), leaf) || leaf.shape[0] != L ||
                    leaf.shape[1] != c.B || leaf.shape[2] != H || !contiguous(leaf))
                    return nb::none();
                (i ? c.c0 : c.h0) = leaf.numbers();
            }
        }
        nb::object y = empty(x, in.shape[0], in.shape[1], O), hn = empty(x, L, c.B, H), cn;
        c.y = address_of(watch, y), c.hn = address_of(watch, hn);
        c.y_step = batch_first ? O : c.B * O, c.y_lane = batch_first ? c.T * O : O;
        if (has_c) {
            cn = empty(x, L, c.B, H);
            c.cn = address_of(watch, cn);
        }
        c.threads = light_ * c.B < 2 ? 1 : std::min(threads, light_ * c.B);
        compute(c);
        return has_c ? nb::make_tuple(y, hn, cn) : nb::make_tuple(y, hn);
    }

    // Positional arguments, all checked by the caller.
    void run(int64_t T, int64_t B, int64_t threads, uintptr_t x, int64_t x_step, int64_t x_lane, uintptr_t y, int64_t y_step,
             int64_t y_lane, uintptr_t h0, uintptr_t c0, uintptr_t hn, uintptr_t cn, uintptr_t lengths) {
        FrozenCall call;
        call.T = T, call.B = B, call.threads = light_ * B < 2 ? 1 : std::min(threads, light_ * B);
        call.x = reinterpret_cast<const float*>(x), call.x_step = x_step, call.x_lane = x_lane;
        call.y = reinterpret_cast<float*>(y), call.y_step = y_step, call.y_lane = y_lane;
        call.h0 = reinterpret_cast<const float*>(h0), call.c0 = reinterpret_cast<const float*>(c0);
        call.hn = reinterpret_cast<float*>(hn), call.cn = reinterpret_cast<float*>(cn);
        call.lengths = reinterpret_cast<const int64_t*>(lengths);
        compute(call);
    }

   private:
    static constexpr int64_t kLarge = 1 << 16;  // numbers; larger outputs are allocated by Python, from the list of free blocks

    void compute(FrozenCall& call) {
        call.backward = calls_.fetch_add(call.T, std::memory_order_relaxed) & 1;
        nb::gil_scoped_release release;
        kernel_(stack_, call);
    }
    // Whether it is a plain tensor (·, ·, ·) of float32 on the CPU.
    static bool read(const Watch& watch, nb::handle tensor_type, nb::handle from, dlpack::Tensor& to) {
        if (!from.type().is(tensor_type)) return false;
        if (watch.api()->read(from.ptr(), &to)) {
            PyErr_Clear();
            return false;
        }
        return to.ndim == 3 && to.is_float_on_cpu();
    }
    static bool contiguous(const dlpack::Tensor& one) {
        return one.strides[2] == 1 && (one.shape[1] == 1 || one.strides[1] == one.shape[2]) &&
               (one.shape[0] == 1 || one.strides[0] == one.shape[1] * one.shape[2]);
    }
    static nb::object empty(nb::handle like, int64_t a, int64_t b, int64_t c) {
        static PyObject* const name = interned("new_empty");
        const nb::object sizes[3] = {nb::cast(a), nb::cast(b), nb::cast(c)};
        PyObject* const arguments[4] = {like.ptr(), sizes[0].ptr(), sizes[1].ptr(), sizes[2].ptr()};
        PyObject* made = PyObject_VectorcallMethod(name, arguments, 4, nullptr);
        if (!made) throw nb::python_error();
        return nb::steal(made);
    }
    static float* address_of(const Watch& watch, nb::handle tensor) {
        dlpack::Tensor read;
        if (watch.api()->read(tensor.ptr(), &read)) throw nb::python_error();
        return const_cast<float*>(read.numbers());
    }

    std::vector<FrozenLayer> layers_;
    FrozenStack stack_;
    FrozenKernel kernel_ = nullptr;
    const int64_t light_;  // bytes of weights / those that make another thread worthwhile for a single lane
    std::atomic<int64_t> calls_{0};
};

}  // namespace

void bind_frozen(nb::module_& m) {
    nb::class_<Watch>(m, "Watch").def(nb::init<nb::handle, nb::list, nb::list>()).def("changed", &Watch::changed);
    nb::class_<Prepared>(m, "FrozenStack")
        .def(nb::init<const std::string&, int, nb::list, int64_t, bool, int64_t>())
        .def("call", &Prepared::call, nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg())
        .def("run", &Prepared::run);
}
