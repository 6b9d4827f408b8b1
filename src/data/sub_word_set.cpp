#include "madx/data/sub_word_set.h"

#include <ATen/Parallel.h>

namespace madx {
namespace {

constexpr int64_t kLinesAtOnce = 64;  // that a thread takes

}  // namespace

SubWordSet::SubWordSet(const Tokenizer& tokenizer)
    : occurs_(static_cast<size_t>(tokenizer.vocab_size())) {
  const auto& special = tokenizer.special();
  add({special.bos, special.eos, special.pad, special.unk, special.mask});
}

void SubWordSet::add(const std::vector<int64_t>& ids) {
  for (const auto id : ids) {
    auto& occurs = occurs_.at(static_cast<size_t>(id));
    // Read first: most were seen before, and a write takes the cache line from the other threads.
    if (!occurs.load(std::memory_order_relaxed)) occurs.store(true, std::memory_order_relaxed);
  }
}

void SubWordSet::add_text(const TextCorpus& corpus, const Tokenizer& tokenizer) {
  const auto lines = static_cast<int64_t>(corpus.size());
  at::parallel_for(0, lines, kLinesAtOnce, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      add(tokenizer.encode(corpus.line(i)));
  });
}

std::vector<int64_t> SubWordSet::ids() const {
  std::vector<int64_t> ids;
  for (size_t id = 0; id < occurs_.size(); ++id)
    if (occurs_[id].load(std::memory_order_relaxed)) ids.push_back(static_cast<int64_t>(id));
  return ids;
}

}  // namespace madx
