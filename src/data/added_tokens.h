#pragma once

#include <memory>
#include <string>
#include <vector>

#include "json_fields.h"
#include "plain_tokenizer.h"

namespace madx {

/// A token that was added to a vocabulary: found in text as it is written, before the vocabulary is
/// asked. The fields are those of transformers' AddedToken.
struct AddedToken {
  int64_t id = 0;
  std::string content;
  bool single_word = false, lstrip = false, rstrip = false, normalized = true, special = false;
  /// tokenizer_config.json names it for a purpose: as "mask_token", among
  /// additional_special_tokens. `special` tokens need not be.
  bool named = false;
};

/// The added tokens of a tokenizer's files: `added_tokens_decoder` of tokenizer_config.json,
/// added_tokens.json, and `added_tokens` of tokenizer.json (`json`, null where there is none);
/// where several have an id, the first counts. Throws InputError, naming the file, for what none of
/// them may hold, and for one token with two ids or one id with two tokens.
std::vector<AddedToken> read_added_tokens(const TokenizerFile& file, const std::string& where,
                                          const nlohmann::json& json);

/// Which of transformers' two ways to cut a text at added tokens.
enum class CutRules {
  kSlow,  ///< its Python tokenizers': in raw text, and the vocabulary gets each part as a text
  kFast,  ///< the tokenizers library's: those that are `normalized` in normalised text
};

/// `plain` with added tokens; `plain` itself where there are none but its special ones, which are
/// never found in text. Throws InputError, naming `where`, for a special token at another id than
/// the vocabulary has it.
std::shared_ptr<const Tokenizer> with_added_tokens(std::shared_ptr<const PlainTokenizer> plain,
                                                   std::vector<AddedToken> tokens, CutRules rules,
                                                   const std::string& where);

}  // namespace madx
