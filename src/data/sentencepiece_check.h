#pragma once

#include <string>
#include <string_view>

namespace madx {

/// Throws InputError, naming `path`, for a model file that SentencePiece would read without
/// checking: it follows the offsets of the normalisation table and the scores of the pieces as they
/// stand in the file, past the table's end where they point there. Refused: what is no protobuf
/// message, pieces that are empty, not UTF-8 or hold a NUL byte, scores that are no numbers or
/// beyond 1e9, and tables with an offset out of bounds, a cycle, or more nested keys than
/// SentencePiece has room for.
void check_sentencepiece_model(const std::string& path, std::string_view bytes);

}  // namespace madx
