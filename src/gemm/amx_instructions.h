#pragma once

#ifdef MADX_MATRIX_UNITS

#include <immintrin.h>

#include <cstdint>

namespace madx::gemm::MADX_CAPABILITY {

#define MADX_AMX_TARGET(instructions) __attribute__((target("amx-tile," instructions)))

/// AMX's instructions, under AmxTiles. Tiles 0 to 3 hold two by two blocks of sums, 4 and 5 the
/// upper and the lower rows of A, 6 and 7 the left and the right columns of B. They are named by
/// literals alone.
struct AmxMemory {
  template <int kTile>
  MADX_AMX_TARGET("amx-tile")
  static void zero() {
    if constexpr (kTile == 0) _tile_zero(0);
    if constexpr (kTile == 1) _tile_zero(1);
    if constexpr (kTile == 2) _tile_zero(2);
    if constexpr (kTile == 3) _tile_zero(3);
  }
  template <int kTile>
  MADX_AMX_TARGET("amx-tile")
  static void load(const void* from, int64_t stride) {
    if constexpr (kTile == 0) _tile_loadd(0, from, stride);
    if constexpr (kTile == 1) _tile_loadd(1, from, stride);
    if constexpr (kTile == 2) _tile_loadd(2, from, stride);
    if constexpr (kTile == 3) _tile_loadd(3, from, stride);
    if constexpr (kTile == 4) _tile_loadd(4, from, stride);
    if constexpr (kTile == 5) _tile_loadd(5, from, stride);
    if constexpr (kTile == 6) _tile_loadd(6, from, stride);
    if constexpr (kTile == 7) _tile_loadd(7, from, stride);
  }
  template <int kTile>
  MADX_AMX_TARGET("amx-tile")
  static void store(void* to, int64_t stride) {
    if constexpr (kTile == 0) _tile_stored(0, to, stride);
    if constexpr (kTile == 1) _tile_stored(1, to, stride);
    if constexpr (kTile == 2) _tile_stored(2, to, stride);
    if constexpr (kTile == 3) _tile_stored(3, to, stride);
  }
};

/// Adds products of 8 bits, A's without a sign, to sums in int32.
struct AmxInt8 : AmxMemory {
  template <int kSums, int kA, int kB>
  MADX_AMX_TARGET("amx-int8")
  static void multiply() {
    static_assert(kA == 4 + kSums / 2 && kB == 6 + kSums % 2, "the sums' own rows and columns");
    if constexpr (kSums == 0) _tile_dpbusd(0, 4, 6);
    if constexpr (kSums == 1) _tile_dpbusd(1, 4, 7);
    if constexpr (kSums == 2) _tile_dpbusd(2, 5, 6);
    if constexpr (kSums == 3) _tile_dpbusd(3, 5, 7);
  }
};

/// Adds products of bfloat16 to sums in float32.
struct AmxBfloat16 : AmxMemory {
  template <int kSums, int kA, int kB>
  MADX_AMX_TARGET("amx-bf16")
  static void multiply() {
    static_assert(kA == 4 + kSums / 2 && kB == 6 + kSums % 2, "the sums' own rows and columns");
    if constexpr (kSums == 0) _tile_dpbf16ps(0, 4, 6);
    if constexpr (kSums == 1) _tile_dpbf16ps(1, 4, 7);
    if constexpr (kSums == 2) _tile_dpbf16ps(2, 5, 6);
    if constexpr (kSums == 3) _tile_dpbf16ps(3, 5, 7);
  }
};

}  // namespace madx::gemm::MADX_CAPABILITY

#endif
