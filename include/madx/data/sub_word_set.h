#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "madx/data/text.h"
#include "madx/data/tokenizer.h"

namespace madx {

/// Which sub-words of a vocabulary occur: the special ones, and those of all that was added. A byte
/// a sub-word of the vocabulary.
class SubWordSet {
 public:
  /// The special ones of `tokenizer`.
  explicit SubWordSet(const Tokenizer& tokenizer);

  /// Adds ids of the vocabulary; std::out_of_range for others. Many threads may call it at once:
  /// the set is the same in whatever order.
  void add(const std::vector<int64_t>& ids);

  /// Adds those of every line. Tokenizes the text once, with all of LibTorch's threads.
  void add_text(const TextCorpus& corpus, const Tokenizer& tokenizer);

  /// All of them, ascending.
  std::vector<int64_t> ids() const;

 private:
  std::vector<std::atomic<bool>> occurs_;  // by id
};

}  // namespace madx
