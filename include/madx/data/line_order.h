#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace madx {

/// A random order of the numbers [0, size), drawn from a seed.
///
/// Up to kTable of them it is a table, shuffled, in which every order is as likely. Above that it
/// is a Feistel network over the next power of four, four rounds with the seed as key, walked until
/// it is inside: no table, and no time to make one, however large the text.
class LineOrder {
 public:
  /// Above so many numbers there is no table.
  static constexpr size_t kTable = size_t{1} << 22;

  LineOrder() = default;
  /// `seeds`: what the order depends on beside the size.
  LineOrder(size_t size, std::initializer_list<uint64_t> seeds);

  bool empty() const { return size_ == 0; }  ///< of no number
  /// The number at place `i` < size.
  size_t operator[](size_t i) const { return table_.empty() ? walk(i) : table_[i]; }

 private:
  size_t walk(size_t i) const;

  size_t size_ = 0;
  uint64_t key_ = 0;
  int half_bits_ = 0;
  std::vector<uint32_t> table_;
};

}  // namespace madx
