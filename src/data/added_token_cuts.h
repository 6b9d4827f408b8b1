#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "added_tokens.h"
#include "byte_trie.h"

namespace madx {

/// Cuts texts at added tokens and has the parts between them split by a vocabulary.
class AddedTokenCuts {
 public:
  /// `plain` must outlive it.
  AddedTokenCuts(const PlainTokenizer& plain, const std::vector<AddedToken>& tokens,
                 CutRules rules);

  std::vector<int64_t> encode(std::string_view text) const {
    return rules_ == CutRules::kSlow ? encode_slow(text) : encode_fast(text);
  }

 private:
  /// Tokens by the text that they are found as.
  class Finder {
   public:
    Finder() = default;
    explicit Finder(std::vector<AddedToken> tokens);

    struct Match {
      size_t begin, end;        ///< npos where no token is left
      const AddedToken* token;  ///< or nullptr
    };
    /// The first token in `text` from `from` on; of several that begin there the longest.
    Match next(std::string_view text, size_t from) const;
    /// The token that is the whole of `text`, or nullptr.
    const AddedToken* find(std::string_view text) const;
    bool empty() const { return tokens_.empty(); }

   private:
    std::vector<AddedToken> tokens_;
    ByteTrie trie_;
  };

  std::vector<int64_t> encode_slow(std::string_view text) const;
  std::vector<int64_t> encode_fast(std::string_view text) const;
  std::string lower_but_tokens(std::string_view text) const;

  const PlainTokenizer& plain_;
  CutRules rules_;
  Finder raw_;         // kSlow: all tokens; kFast: those that are not normalized
  Finder normalized_;  // kFast alone
  Finder kept_;        // kSlow: those that are not lower-cased
};

}  // namespace madx
