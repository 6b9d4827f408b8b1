#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "normalisation_table.h"

namespace madx {

/// A piece of a unigram model and its log probability.
struct UnigramPiece {
  enum Kind { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
  std::string text;
  double score = 0;
  int kind = kNormal;
};

/// What sentencepiece.bpe.model holds.
struct SentencePieceModel {
  std::vector<UnigramPiece> pieces;
  NormalisationTable table;
  bool adds_space_before = true;     ///< add_dummy_prefix
  bool removes_extra_spaces = true;  ///< remove_extra_whitespaces
  bool is_plain_unigram = true;  ///< false for another algorithm (BPE), byte fallback, pieces that
                                 ///< a user defined, or spaces treated in another way than XLM-R's
};

/// Reads a model file. Throws InputError, naming `path`, for what is no protobuf message, pieces
/// that are empty, not UTF-8 or hold a NUL byte, scores that are no numbers or beyond 1e9, and
/// damaged tables (NormalisationTable). SentencePiece itself reads those without a check.
SentencePieceModel read_sentencepiece_model(const std::string& path, std::string_view bytes);

}  // namespace madx
