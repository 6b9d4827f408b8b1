#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace madx {

/// The part of BERT's tokenizer that comes before the vocabulary.
struct BasicTokenizerOptions {
  bool lower_case = false;
  bool strip_accents = false;
  bool split_chinese_characters = true;
};

/// Words of `text` as BERT sees them: control characters dropped, split at whitespace, each
/// punctuation mark and each Chinese character a word of its own.
std::vector<std::string> basic_tokenize(std::string_view text,
                                        const BasicTokenizerOptions& options);

}  // namespace madx
