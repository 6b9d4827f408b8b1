#pragma once

#include <memory>
#include <string>

#include "madx/data/tokenizer.h"

namespace madx {

/// BERT's tokenizer. `where` holds vocab.txt and tokenizer_config.json.
std::shared_ptr<const Tokenizer> make_wordpiece_tokenizer(const TokenizerFile& file,
                                                          const std::string& where);

}  // namespace madx
