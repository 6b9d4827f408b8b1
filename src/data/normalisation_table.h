#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace madx {

/// A SentencePiece model's table of normalisation (precompiled_charsmap): texts and what stands for
/// them. In bytes: 4 with the size of a double-array trie (Darts), the trie, and the texts that its
/// values point at, each with a NUL byte behind it.
class NormalisationTable {
 public:
  /// The empty table: every text stands for itself.
  NormalisationTable() = default;

  /// Throws InputError, naming `path`, for a table with an offset out of bounds, a cycle, a key of
  /// more than 255 bytes, or more than 32 keys that begin each other (SentencePiece has room for no
  /// more): whoever follows a damaged table reads memory that is not its own.
  NormalisationTable(const std::string& path, std::string_view bytes);

  struct Match {
    size_t length = 0;      ///< bytes of the key; 0 where no key begins the text
    std::string_view text;  ///< what stands for it
  };

  /// The longest key that begins `text`.
  Match longest(std::string_view text) const { return find(text, /*shortest=*/false); }
  /// The shortest one.
  Match shortest(std::string_view text) const { return find(text, /*shortest=*/true); }

 private:
  // Darts' units: a value has bit 31; else bits 0 to 7 are the label, bit 8 says that a value
  // follows, and the rest is the offset to the children, by exclusive or.
  static uint32_t label(uint32_t unit) { return unit & 0x800000ffu; }
  static bool has_value(uint32_t unit) { return (unit >> 8) & 1; }
  static uint32_t offset(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }

  class Check;
  Match find(std::string_view text, bool shortest) const;
  std::string_view text_at(uint32_t start) const;

  std::vector<uint32_t> units_;
  std::string texts_;
};

}  // namespace madx
