#include "fuzz_target.h"
#include "madx/data/tokenizer.h"

MADX_FUZZ_TARGET(sentencepiece_model) {
  const auto tokenizer =
      madx::make_tokenizer({"sentencepiece.bpe.model", std::string(bytes), std::nullopt}, "x");
  for (const char* const text :
       {"a ab abc", "\xef\xbd\x81\xcc\x81 \xe2\x91\xa0 \xf0\x9f\x98\x80"}) {
    tokenizer->decode(tokenizer->encode(text));
  }
}
