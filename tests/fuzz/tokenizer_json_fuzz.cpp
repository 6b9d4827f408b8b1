#include "fuzz_target.h"
#include "madx/data/tokenizer.h"

MADX_FUZZ_TARGET(tokenizer_json) {
  const auto tokenizer = madx::make_tokenizer({"tokenizer.json", std::string(bytes)}, "x");
  for (const char* const text :
       {"a ab  abc<e> ", "\xef\xbd\x81\xcc\x81 \xe4\xb8\xad \xf0\x9f\x98\x80"}) {
    tokenizer->decode(tokenizer->encode(text));
  }
}
