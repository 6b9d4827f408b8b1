#include "byte_trie.h"

#include <algorithm>
#include <cstring>

namespace madx {
namespace {

/// Keys [begin, end) of the sorted list: those that begin with the `depth` bytes of a node.
struct Range {
  uint32_t begin, end, depth;
};

}  // namespace

ByteTrie::ByteTrie(Keys keys) {
  std::stable_sort(keys.begin(), keys.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto key = [&](uint32_t place) { return keys[place].first; };
  std::vector<Range> nodes = {{0, static_cast<uint32_t>(keys.size()), 0}};
  label_ = std::string(1, '\0');
  for (size_t node = 0; node < nodes.size(); ++node) {
    auto [place, end, depth] = nodes[node];
    first_child_.push_back(static_cast<uint32_t>(nodes.size()));
    number_.push_back(place < end && key(place).size() == depth ? keys[place++].second : kNone);
    for (; place < end && key(place).size() == depth; ++place) repeated_ = key(place);
    while (place < end) {
      const char byte = key(place)[depth];
      const uint32_t first = place;
      while (place < end && key(place)[depth] == byte) ++place;
      nodes.push_back({first, place, depth + 1});
      label_ += byte;
    }
  }
  first_child_.push_back(static_cast<uint32_t>(nodes.size()));
}

uint32_t ByteTrie::child(uint32_t node, char byte) const {
  const uint32_t first = first_child_[node], count = first_child_[node + 1] - first;
  const void* found = std::memchr(label_.data() + first, byte, count);
  return found ? static_cast<uint32_t>(static_cast<const char*>(found) - label_.data()) : 0;
}

ByteTrie::Match ByteTrie::longest(std::string_view text) const {
  Match match;
  uint32_t node = 0;
  for (size_t i = 0; i < text.size() && (node = child(node, text[i])) != 0; ++i) {
    if (number_[node] != kNone) match = {i + 1, number_[node]};
  }
  return match;
}

}  // namespace madx
