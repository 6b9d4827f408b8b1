#pragma once

#include <cstdint>
#include <cstring>

#include "madx/gemm/bfloat16.h"

namespace madx::gemm::MADX_CAPABILITY {

/// Products of float32 on matrix units for bfloat16. A float32 is the exact sum of three bfloat16:
/// what it rounds to, what the rest rounds to, and the rest of that. Of the nine products of two
/// such sums the six largest count; the others are below 2^-25 of the result, which is less than
/// float32 rounds off. (Henry, Tang, Heinecke, "Leveraging the bfloat16 artificial intelligence
/// datatype for higher-precision computations", 2019: bfloat16 times three, six products.)
/// Numbers whose parts are below 2^-126 lose them; infinity gives what is not a number.
enum class Part { kHigh, kMiddle, kLow };
constexpr int64_t kSplitParts = 3;

/// Operands lie in panels of 32 rows of A or 32 columns of B, and a panel in steps of 32 along k:
/// all that one step of a product reads, in the order in which it does. A step holds of each part
/// two matrix tiles of 16 x 32: of A 16 rows of 32, of B the columns' 16 pairs of 16. What is
/// beyond a matrix' end is zero; of 16 rows of A or fewer there is the first tile alone.
constexpr int64_t kSplitPanel = 32;
constexpr int64_t kSplitTile = 16 * kSplitPanel;
constexpr int64_t kSplitStep = kSplitParts * 2 * kSplitTile;

inline int64_t split_steps(int64_t size) { return (size + kSplitPanel - 1) / kSplitPanel; }
/// Elements of a panel.
inline int64_t split_panel_size(int64_t k) { return split_steps(k) * kSplitStep; }
/// Elements of all panels of `size` rows or columns.
inline int64_t split_size(int64_t size, int64_t k) {
  return split_steps(size) * split_panel_size(k);
}

namespace detail {
typedef float Floats __attribute__((vector_size(64)));
typedef uint32_t Bits __attribute__((vector_size(64)));

/// The bits of a float32 that a bfloat16 has.
constexpr uint32_t kUpper = 0xffff0000;

/// Two vectors of bfloat16, each in the upper half of its lanes, as one of pairs.
inline void store_pairs(const Floats& first, const Floats& second, Bfloat16* to) {
  const Bits pairs =
      reinterpret_cast<Bits>(first) >> 16 | (reinterpret_cast<Bits>(second) & kUpper);
  std::memcpy(to, &pairs, sizeof pairs);
}

/// The three parts of 16 numbers. The first rounds to the nearest, the second towards zero. What is
/// not a number may round to one, but its last part stays what it is.
struct SplitFloats {
  explicit SplitFloats(const float* from) {
    Floats x;
    std::memcpy(&x, from, sizeof x);
    high = reinterpret_cast<Floats>((reinterpret_cast<Bits>(x) + 0x8000u) & kUpper);
    const Floats rest = x - high;
    middle = reinterpret_cast<Floats>(reinterpret_cast<Bits>(rest) & kUpper);
    low = rest - middle;
  }
  Floats high, middle, low;
};
}  // namespace detail

/// Elements that are 16 apart along k form a pair: `first` and `second` (16), to the same place of
/// each part's tile.
inline void split_pairs(const float* first, const float* second, Bfloat16* to) {
  const detail::SplitFloats x(first), y(second);
  detail::store_pairs(x.high, y.high, to);
  detail::store_pairs(x.middle, y.middle, to + 2 * kSplitTile);
  detail::store_pairs(x.low, y.low, to + 4 * kSplitTile);
}

}  // namespace madx::gemm::MADX_CAPABILITY
