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
  /// As transformers' fast tokenizer has it: a text is not composed to NFC, unassigned code points
  /// stay, and U+2B820 to U+2B91F are not split as Chinese.
  bool fast = false;
};

/// Lower case of each character by itself, as transformers' tokenizers have it: a capital sigma
/// becomes σ at the end of a word, too.
std::string lower_characters(std::string_view text);

/// `text` with control characters dropped, spaces around Chinese characters, and what the options
/// ask for.
std::string basic_normalize(std::string_view text, const BasicTokenizerOptions& options);

/// Words of a normalised text: split at white space, each punctuation mark a word of its own. The
/// views point into `text`, which is UTF-8.
std::vector<std::string_view> basic_split(std::string_view text);

}  // namespace madx
