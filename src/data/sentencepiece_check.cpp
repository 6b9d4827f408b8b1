#include "sentencepiece_check.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "madx/core/error.h"
#include "madx/data/utf8.h"

namespace madx {
namespace {

// sentencepiece_model.proto: the fields that are read without checks.
constexpr uint64_t kModelPiece = 1, kModelNormalizer = 3, kModelDenormalizer = 5;
constexpr uint64_t kPieceText = 1, kPieceScore = 2;
constexpr uint64_t kNormalizerTable = 2;

[[noreturn]] void damaged(const std::string& path, const std::string& found) {
  input_error(path, ": expected a SentencePiece model, but found ", found,
              "; copy it again from the encoder's Hugging Face directory");
}

/// The fields of a protobuf message, one after the other.
class Message {
 public:
  Message(const std::string& path, std::string_view bytes) : path_(path), rest_(bytes) {}

  /// Goes to the next field; false at the end.
  bool next() {
    if (rest_.empty()) return false;
    const uint64_t tag = varint();
    field_ = tag >> 3;
    if (field_ == 0 || tag > UINT32_MAX) damaged(path_, "a field without a number");
    switch (tag & 7) {
      case 0:
        varint();
        value_ = {};
        return true;
      case 1:
        value_ = take(8);
        return true;
      case 2:
        value_ = take(varint());
        return true;
      case 5:
        value_ = take(4);
        return true;
      default:
        damaged(path_, "a field of no known kind");
    }
  }

  uint64_t field() const { return field_; }
  /// The field's bytes; empty for a number of variable length.
  std::string_view value() const { return value_; }

 private:
  std::string_view take(uint64_t size) {
    if (size > rest_.size()) damaged(path_, "a field that is cut off");
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<uint64_t>(byte & 0x7f) << std::min(shift, 63);
      if (byte < 0x80) return value;
    }
    damaged(path_, "a number of more than ten bytes");
  }

  const std::string& path_;
  std::string_view rest_;
  uint64_t field_ = 0;
  std::string_view value_;
};

void check_piece(const std::string& path, std::string_view bytes) {
  constexpr float kLargestScore = 1e9f;  // sums over a text stay finite
  Message piece(path, bytes);
  bool has_text = false;
  while (piece.next()) {
    const auto value = piece.value();
    if (piece.field() == kPieceText) {
      has_text = true;
      if (value.empty() || value.find('\0') != value.npos || first_invalid_utf8(value)) {
        damaged(path, "a piece that is empty, has a NUL byte or is not UTF-8");
      }
    } else if (piece.field() == kPieceScore) {
      float score = NAN;
      if (value.size() == sizeof(score)) std::memcpy(&score, value.data(), sizeof(score));
      if (!(std::abs(score) <= kLargestScore)) damaged(path, "a piece whose score is no number");
    }
  }
  if (!has_text) damaged(path, "a piece without text");
}

/// The normalisation table: 4 bytes with the size of a double-array trie (Darts), the trie, and the
/// texts that its values point at, each with a NUL byte behind it.
class NormalisationTable {
 public:
  NormalisationTable(const std::string& path, std::string_view bytes) : path_(path) {
    uint32_t trie_size = 0;
    if (bytes.size() < sizeof(trie_size)) refuse();
    std::memcpy(&trie_size, bytes.data(), sizeof(trie_size));
    bytes.remove_prefix(sizeof(trie_size));
    if (trie_size >= bytes.size()) refuse();
    units_.resize(trie_size / sizeof(uint32_t));
    if (!units_.empty()) std::memcpy(units_.data(), bytes.data(), units_.size() * sizeof(uint32_t));
    texts_ = bytes.substr(trie_size);
    if (texts_.back() != '\0' || first_invalid_utf8(texts_)) refuse();
    nested_.assign(units_.size(), kUnknown);
  }

  void check() { visit(0, 0); }

 private:
  // Darts' units: a value has bit 31; else bits 0 to 7 are the label, bit 8 says that a value
  // follows, and the rest is the offset to the children, by exclusive or.
  static uint32_t label(uint32_t unit) { return unit & 0x800000ffu; }
  static bool has_value(uint32_t unit) { return (unit >> 8) & 1; }
  static uint32_t offset(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }

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

  [[noreturn]] void refuse() const {
    damaged(path_, "a damaged table of its normalisation (precompiled_charsmap)");
  }

  static constexpr int kUnknown = -1, kOnPath = -2;
  const std::string& path_;
  std::vector<uint32_t> units_;
  std::string_view texts_;
  std::vector<int> nested_;  // by unit
};

void check_normalizer(const std::string& path, std::string_view bytes) {
  Message spec(path, bytes);
  while (spec.next()) {
    if (spec.field() != kNormalizerTable || spec.value().empty()) continue;
    NormalisationTable(path, spec.value()).check();
  }
}

}  // namespace

void check_sentencepiece_model(const std::string& path, std::string_view bytes) {
  Message model(path, bytes);
  while (model.next()) {
    if (model.field() == kModelPiece) check_piece(path, model.value());
    const bool has_table = model.field() == kModelNormalizer || model.field() == kModelDenormalizer;
    if (has_table) check_normalizer(path, model.value());
  }
}

}  // namespace madx
