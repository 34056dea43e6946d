// What is used here of DLPack 1.x (https://dmlc.github.io/dlpack): reading a tensor from C without a call of Python. torch
// exposes it as `torch.Tensor.__dlpack_c_exchange_api__` from 2.10 on.
#pragma once

#include <stdint.h>

namespace dlpack {

constexpr int32_t kCpu = 1;
constexpr uint8_t kFloat = 2;

struct Tensor {
    void* data;
    struct {
        int32_t type, id;
    } device;
    int32_t ndim;
    struct {
        uint8_t code, bits;
        uint16_t lanes;
    } dtype;
    int64_t *shape, *strides;
    uint64_t byte_offset;

    const float* numbers() const { return reinterpret_cast<const float*>(static_cast<const char*>(data) + byte_offset); }
    bool is_float_on_cpu() const {
        return device.type == kCpu && dtype.code == kFloat && dtype.bits == 32 && dtype.lanes == 1;
    }
};

struct ExchangeApi {
    struct {
        uint32_t major, minor;
    } version;
    void* previous;
    void *allocate, *to_managed, *from_managed;
    int (*read)(void* object, Tensor* to);  // may be null; valid until control returns to Python
    void* current_stream;
};

}  // namespace dlpack
