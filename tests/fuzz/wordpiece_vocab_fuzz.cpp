#include <algorithm>

#include "fuzz_target.h"
#include "madx/data/tokenizer.h"

// The vocabulary, and behind a NUL byte tokenizer_config.json.
MADX_FUZZ_TARGET(wordpiece_vocab) {
  const auto end = std::min(bytes.find('\0'), bytes.size());
  madx::TokenizerFile file{"vocab.txt", std::string(bytes.substr(0, end)), std::nullopt};
  if (end < bytes.size()) file.tokenizer_config = std::string(bytes.substr(end + 1));
  const auto tokenizer = madx::make_tokenizer(file, "x");
  for (const char* const text : {"a ab abc", "A\xcc\x81 \xe4\xb8\xad \xf0\x9f\x98\x80"}) {
    tokenizer->decode(tokenizer->encode(text));
  }
}
