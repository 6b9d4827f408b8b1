#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace madx {

/// Keys by their bytes, each with a number of its own, not negative.
class ByteTrie {
 public:
  static constexpr int32_t kNone = -1;

  using Keys = std::vector<std::pair<std::string_view, int32_t>>;
  explicit ByteTrie(Keys keys = {});

  /// A key that was given twice; it keeps its first number.
  const std::optional<std::string>& repeated() const { return repeated_; }

  /// Walks down: the root is node 0; child() gives 0 where there is none.
  uint32_t child(uint32_t node, char byte) const;
  /// The number of the key that ends at a node, or kNone.
  int32_t number(uint32_t node) const { return number_[node]; }

  struct Match {
    size_t length = 0;
    int32_t number = kNone;
  };
  /// The longest key that begins `text`; number kNone where there is none.
  Match longest(std::string_view text) const;

 private:
  std::vector<uint32_t> first_child_;  // the children of n are first_child_[n] ... [n + 1]
  std::string label_;                  // by node: the byte that leads to it
  std::vector<int32_t> number_;        // by node
  std::optional<std::string> repeated_;
};

}  // namespace madx
