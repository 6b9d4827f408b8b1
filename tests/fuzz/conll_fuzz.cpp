#include "fuzz_target.h"
#include "madx/data/conll.h"

MADX_FUZZ_TARGET(conll) {
  for (const auto& sentence : madx::parse_conll("x.conll", bytes)) {
    if (sentence.tokens.empty() || sentence.tokens.size() != sentence.tags.size()) __builtin_trap();
    madx::to_iob2(sentence.tags);
  }
}
