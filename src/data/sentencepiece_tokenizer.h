#pragma once

#include <memory>
#include <string>

#include "madx/data/tokenizer.h"

namespace madx {

/// XLM-R's tokenizer. `where` holds sentencepiece.bpe.model.
std::shared_ptr<const Tokenizer> make_sentencepiece_tokenizer(const TokenizerFile& file,
                                                              const std::string& where);

}  // namespace madx
