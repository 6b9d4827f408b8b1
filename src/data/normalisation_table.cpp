#include "normalisation_table.h"

#include <algorithm>
#include <cstring>

#include "madx/core/error.h"
#include "madx/data/utf8.h"

namespace madx {

/// Walks a whole table before anything is looked up in it.
class NormalisationTable::Check {
 public:
  Check(const NormalisationTable& table, const std::string& path)
      : units_(table.units_), texts_(table.texts_), path_(path) {
    if (texts_.empty() || texts_.back() != '\0' || first_invalid_utf8(texts_)) refuse();
    nested_.assign(units_.size(), kUnknown);
    visit(0, 0);
  }

  [[noreturn]] static void refuse(const std::string& path) {
    input_error(path,
                ": expected a SentencePiece model, but found a damaged table of its normalisation "
                "(precompiled_charsmap); copy it again from the encoder's Hugging Face directory");
  }

 private:
  // How many keys end below this unit on one path, at most.
  int visit(uint32_t node, int depth) {
    constexpr int kLongestKey = 255, kMostNested = 32;
    if (depth > kLongestKey || node >= units_.size()) refuse();
    const uint32_t children = node ^ offset(units_[node]);
    if ((children | 0xff) >= units_.size()) refuse();
    nested_[node] = kOnPath;
    int most = 0;
    for (uint32_t c = 0; c < 256; ++c) {
      const uint32_t child = children ^ c;
      if (label(units_[child]) != c) continue;
      if (nested_[child] == kOnPath) refuse();
      int below = nested_[child] == kUnknown ? visit(child, depth + 1) : nested_[child];
      if (has_value(units_[child])) {
        check_value(units_[child ^ offset(units_[child])]);
        ++below;
      }
      most = std::max(most, below);
    }
    if (most > kMostNested) refuse();
    return nested_[node] = most;
  }

  void check_value(uint32_t unit) const {
    const uint32_t start = unit & 0x7fffffffu;
    const bool inside_character =
        start < texts_.size() && (static_cast<unsigned char>(texts_[start]) & 0xc0) == 0x80;
    if (start >= texts_.size() || inside_character) refuse();
  }

  [[noreturn]] void refuse() const { refuse(path_); }

  static constexpr int kUnknown = -1, kOnPath = -2;
  const std::vector<uint32_t>& units_;
  const std::string& texts_;
  const std::string& path_;
  std::vector<int> nested_;  // by unit
};

NormalisationTable::NormalisationTable(const std::string& path, std::string_view bytes) {
  uint32_t trie_size = 0;
  if (bytes.size() < sizeof(trie_size)) Check::refuse(path);
  std::memcpy(&trie_size, bytes.data(), sizeof(trie_size));
  bytes.remove_prefix(sizeof(trie_size));
  if (trie_size >= bytes.size()) Check::refuse(path);
  units_.resize(trie_size / sizeof(uint32_t));
  if (!units_.empty()) std::memcpy(units_.data(), bytes.data(), units_.size() * sizeof(uint32_t));
  texts_ = bytes.substr(trie_size);
  Check(*this, path);
}

NormalisationTable::Match NormalisationTable::find(std::string_view text, bool shortest) const {
  Match match;
  if (units_.empty()) return match;
  uint32_t node = offset(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    const uint32_t unit = units_[node];
    if (label(unit) != byte) break;
    node ^= offset(unit);
    if (!has_value(unit)) continue;
    match = {i + 1, text_at(units_[node] & 0x7fffffffu)};
    if (shortest) break;
  }
  return match;
}

std::string_view NormalisationTable::text_at(uint32_t start) const { return texts_.data() + start; }

}  // namespace madx
