#include "madx/data/token_stream.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace madx {
namespace {

constexpr size_t kSpacing = 64;  // lines between two sums that are kept
constexpr int64_t kGrain = 64;   // lines that a thread takes at once

}  // namespace

CountedText::CountedText(std::shared_ptr<const TextCorpus> corpus,
                         std::shared_ptr<const Tokenizer> tokenizer, SubWordSet* sub_words)
    : corpus_(std::move(corpus)), tokenizer_(std::move(tokenizer)), lengths_(corpus_->size()) {
  const auto lines = static_cast<int64_t>(lengths_.size());
  at::parallel_for(0, lines, kGrain, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const auto tokens = tokenizer_->encode(corpus_->line(i));
      lengths_[i] = static_cast<uint32_t>(tokens.empty() ? 0 : tokens.size() + 1);
      if (sub_words != nullptr) sub_words->add(tokens);
    }
  });
}

std::vector<int64_t> CountedText::tokens(size_t i) const {
  auto tokens = tokenizer_->encode(corpus_->line(i));
  if (!tokens.empty()) tokens.push_back(tokenizer_->special().eos);
  return tokens;
}

TokenStream::TokenStream(std::shared_ptr<const CountedText> text, size_t first, size_t size)
    : text_(std::move(text)), first_(first), lines_(size) {
  sum_lengths();
}

void TokenStream::reorder(LineOrder order) {
  order_ = std::move(order);
  sum_lengths();
}

void TokenStream::sum_lengths() {
  before_.clear();
  size_ = 0;
  for (size_t i = 0; i < lines_; ++i) {
    if (i % kSpacing == 0) before_.push_back(size_);
    size_ += text_->length(line(i));
  }
}

std::vector<int64_t> TokenStream::tokens(int64_t begin, int64_t end) const {
  std::vector<int64_t> tokens;
  if (begin >= end) return tokens;
  const auto after = std::upper_bound(before_.begin(), before_.end(), begin);
  auto i = static_cast<size_t>(after - before_.begin() - 1) * kSpacing;
  auto place = before_[i / kSpacing];  // of line i in the stream
  while (place + text_->length(line(i)) <= begin) place += text_->length(line(i++));

  for (; place < end; place += text_->length(line(i++))) {
    if (text_->length(line(i)) == 0) continue;
    const auto all = text_->tokens(line(i));
    const auto from = std::max<int64_t>(0, begin - place);
    const auto to = std::min(static_cast<int64_t>(all.size()), end - place);
    tokens.insert(tokens.end(), all.begin() + from, all.begin() + to);
  }
  return tokens;
}

}  // namespace madx
