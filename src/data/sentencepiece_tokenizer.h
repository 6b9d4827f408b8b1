#pragma once

#include <memory>
#include <string>

#include "plain_tokenizer.h"

namespace madx {

/// XLM-R's tokenizer. `where` holds sentencepiece.bpe.model.
std::shared_ptr<const PlainTokenizer> make_sentencepiece_tokenizer(const TokenizerFile& file,
                                                                   const std::string& where);

}  // namespace madx
