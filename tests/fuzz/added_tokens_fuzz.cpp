#include <algorithm>

#include "fuzz_target.h"
#include "madx/data/tokenizer.h"

// added_tokens.json, and behind a NUL byte tokenizer_config.json, of a small BERT.
MADX_FUZZ_TARGET(added_tokens) {
  const auto end = std::min(bytes.find('\0'), bytes.size());
  madx::TokenizerFile file{"vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n"};
  file.added_tokens = std::string(bytes.substr(0, end));
  if (end < bytes.size()) file.tokenizer_config = std::string(bytes.substr(end + 1));
  const auto tokenizer = madx::make_tokenizer(file, "x");
  for (const char* const text : {" a ab  <e>b <e> a", "A\xcc\x81 \xe4\xb8\xad<E>\xe2\x80\xa8<e>"}) {
    tokenizer->decode(tokenizer->encode(text));
  }
}
