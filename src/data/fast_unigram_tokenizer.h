#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fast_normalizer.h"
#include "plain_tokenizer.h"
#include "sentencepiece_file.h"
#include "unigram.h"

namespace madx {

/// XLM-R's model as tokenizer.json holds it: piece i has id i.
struct FastUnigramModel {
  /// Where a ▁ is put before a text that begins with none.
  enum class Prefix { kNever, kFirst, kAlways };
  std::vector<UnigramPiece> pieces;
  double lowest_score = 0;
  SpecialTokens special;
  FastNormalizer normalizer;
  Prefix prefix = Prefix::kAlways;
  bool splits_at_spaces = false;  ///< white space goes, and each word is a text of its own
  Unigram::Words words = Unigram::Words::kAlone;
};

/// `path` is the file's, for messages.
std::shared_ptr<const PlainTokenizer> make_fast_unigram_tokenizer(FastUnigramModel model,
                                                                  const std::string& path);

}  // namespace madx
