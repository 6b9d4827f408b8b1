#pragma once

#include <memory>
#include <string>

#include "json_fields.h"
#include "plain_tokenizer.h"

namespace madx {

/// The tokenizer that tokenizer.json describes, without its added tokens: XLM-R's (a Unigram model)
/// or BERT's (WordPiece), as the tokenizers library computes it. `path` is the file's. Throws
/// InputError, naming it, for another kind of model, normalizer, pre_tokenizer or post_processor.
std::shared_ptr<const PlainTokenizer> make_json_tokenizer(const JsonPlace& file,
                                                          const std::string& path);

/// Bytes of base 64, as JSON holds a table of normalisation. Throws InputError, naming the place.
std::string base64_bytes(const JsonPlace& text);

}  // namespace madx
