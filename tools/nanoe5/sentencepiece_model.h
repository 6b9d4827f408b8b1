#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace madx::tools {

/// A piece of a SentencePiece model and its log probability. It does not own its text.
struct SentencePiece {
  std::string_view text;
  float score = 0;
};

/// The bytes of a SentencePiece unigram model with the normalisation nmt_nfkc: ids 0, 1, 2 are
/// <unk>, <s>, </s>, and `pieces` follow from id 3 on.
std::string unigram_model(const std::vector<SentencePiece>& pieces);

}  // namespace madx::tools
