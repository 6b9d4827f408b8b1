#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "madx/data/tokenizer.h"

namespace madx {

/// A tokenizer by its vocabulary alone, without added tokens, which cut a text before or between
/// its two steps (TokenizerWithAddedTokens).
class PlainTokenizer : public Tokenizer {
 public:
  using Tokenizer::Tokenizer;

  /// The first step: the text in the form in which the vocabulary writes it.
  virtual std::string normalize(std::string_view text) const = 0;

  /// The second step, on a part of a normalised text. `first`: a text begins with it.
  virtual void append_ids(std::string_view normal, bool first, std::vector<int64_t>& ids) const = 0;

  /// Whether the first step lower-cases.
  virtual bool lower_cases() const { return false; }

  std::vector<int64_t> encode(std::string_view text) const override {
    std::vector<int64_t> ids;
    append_ids(normalize(text), /*first=*/true, ids);
    return ids;
  }
};

}  // namespace madx
