#pragma once

#include <string>
#include <string_view>

#include "sentencepiece_file.h"

namespace madx {

/// `text` as SentencePiece splits it: the longest keys of the table replaced, a ▁ for each space,
/// and, as the model says, a ▁ before all and no extra spaces. A byte that is no UTF-8 becomes
/// U+FFFD.
std::string normalize_as_sentencepiece(const SentencePieceModel& model, std::string_view text);

}  // namespace madx
