#pragma once

#include <memory>
#include <string>
#include <vector>

#include "basic_tokenizer.h"
#include "plain_tokenizer.h"

namespace madx {

struct WordPieceOptions {
  BasicTokenizerOptions basic;
  size_t max_word_length = 100;  ///< code points; a longer word is unk as a whole
};

/// BERT's tokenizer. `where` holds vocab.txt and tokenizer_config.json.
std::shared_ptr<const PlainTokenizer> make_wordpiece_tokenizer(const TokenizerFile& file,
                                                               const std::string& where);

/// BERT's tokenizer of pieces by id, which `path` holds. Throws InputError where one of its five
/// special tokens is missing.
std::shared_ptr<const PlainTokenizer> make_wordpiece_tokenizer(std::vector<std::string> pieces,
                                                               const WordPieceOptions& options,
                                                               const std::string& path);

}  // namespace madx
