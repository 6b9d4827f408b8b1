#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "madx/data/line_order.h"
#include "madx/data/sub_word_set.h"
#include "madx/data/text.h"
#include "madx/data/tokenizer.h"

namespace madx {

/// A corpus whose tokens are counted: 4 bytes a line. Counting tokenizes the whole text once, with
/// all of LibTorch's threads.
class CountedText {
 public:
  /// The text's sub-words are added to `sub_words` on the way, unless it is nullptr.
  CountedText(std::shared_ptr<const TextCorpus> corpus, std::shared_ptr<const Tokenizer> tokenizer,
              SubWordSet* sub_words = nullptr);

  /// What line `i` takes in a stream: its tokens and `</s>`, or 0 for a line without a token.
  int64_t length(size_t i) const { return lengths_.at(i); }
  /// The line's tokens and `</s>`.
  std::vector<int64_t> tokens(size_t i) const;

 private:
  std::shared_ptr<const TextCorpus> corpus_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::vector<uint32_t> lengths_;
};

/// Lines of a corpus in some order as one stream of tokens, `</s>` after each line. A part of it is
/// found by its place, and costs the tokenization of the lines that it has something of.
class TokenStream {
 public:
  /// The lines [first, first + size) of the corpus as they come.
  TokenStream(std::shared_ptr<const CountedText> text, size_t first, size_t size);

  /// Puts the lines in another order: line i of the stream is line first + order[i] of the corpus.
  void reorder(LineOrder order);

  /// Tokens of all lines with their `</s>`, whatever the order.
  int64_t size() const { return size_; }

  /// The tokens [begin, end) of the stream, 0 <= begin <= end <= size().
  std::vector<int64_t> tokens(int64_t begin, int64_t end) const;

 private:
  size_t line(size_t i) const { return first_ + (order_.empty() ? i : order_[i]); }
  void sum_lengths();

  std::shared_ptr<const CountedText> text_;
  size_t first_;
  size_t lines_;
  LineOrder order_;              // empty: as they come
  std::vector<int64_t> before_;  // tokens before line 64 i: a place is found in few steps
  int64_t size_ = 0;
};

}  // namespace madx
