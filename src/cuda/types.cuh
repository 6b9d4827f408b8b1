#pragma once

#include "cuda/device.cuh"

namespace madx::cuda {

/// 16-bit floating point by its bits: the same type in kernels, in emulation and in tests.
struct Half {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

MADX_DEVICE float to_float(float value) { return value; }
MADX_DEVICE float to_float(BFloat16 value) {
  return __uint_as_float(static_cast<uint32_t>(value.bits) << 16);
}
MADX_DEVICE float to_float(Half value) { return __half2float(__ushort_as_half(value.bits)); }

/// To the nearest value of T, ties to even.
template <class T>
MADX_DEVICE T rounded(float value);
template <>
MADX_DEVICE float rounded<float>(float value) {
  return value;
}
template <>
MADX_DEVICE Half rounded<Half>(float value) {
  return {__half_as_ushort(__float2half_rn(value))};
}
template <>
MADX_DEVICE BFloat16 rounded<BFloat16>(float value) {
  return {__bfloat16_as_ushort(__float2bfloat16_rn(value))};
}

/// What is left of a value that was stored in T.
template <class T>
MADX_DEVICE float through(float value) {
  return to_float(rounded<T>(value));
}

/// 128 bits: what one load or store of a lane moves.
struct alignas(16) Words {
  uint32_t word[4];
};

/// Eight neighbouring columns of a row: a lane's part of it.
struct Eight {
  float value[8];
};
constexpr int kColumns = 8;

template <class T>
struct Packed {
  static constexpr int kWords = sizeof(T) * kColumns / sizeof(Words);  // 128-bit words
  Words words[kWords];

  MADX_DEVICE Eight unpack() const {
    Eight columns;
    MADX_UNROLL
    for (int i = 0; i < 4; ++i) {
      columns.value[2 * i] = to_float(T{static_cast<uint16_t>(words[0].word[i] & 0xFFFF)});
      columns.value[2 * i + 1] = to_float(T{static_cast<uint16_t>(words[0].word[i] >> 16)});
    }
    return columns;
  }
  MADX_DEVICE static Packed pack(const Eight& columns) {
    Packed packed;
    MADX_UNROLL
    for (int i = 0; i < 4; ++i) {
      packed.words[0].word[i] = rounded<T>(columns.value[2 * i]).bits |
                                static_cast<uint32_t>(rounded<T>(columns.value[2 * i + 1]).bits)
                                    << 16;
    }
    return packed;
  }
};

template <>
struct Packed<float> {
  static constexpr int kWords = 2;
  Words words[kWords];

  MADX_DEVICE Eight unpack() const {
    Eight columns;
    MADX_UNROLL
    for (int i = 0; i < 8; ++i) columns.value[i] = __uint_as_float(words[i / 4].word[i % 4]);
    return columns;
  }
  MADX_DEVICE static Packed pack(const Eight& columns) {
    Packed packed;
    MADX_UNROLL
    for (int i = 0; i < 8; ++i) packed.words[i / 4].word[i % 4] = __float_as_uint(columns.value[i]);
    return packed;
  }
};

}  // namespace madx::cuda
