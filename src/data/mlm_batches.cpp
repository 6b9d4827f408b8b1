#include "madx/data/mlm_batches.h"

#include <algorithm>
#include <numeric>

#include "madx/core/error.h"

namespace madx {
namespace {

/// Marks of the streams drawn from one seed.
constexpr uint64_t kShuffle = 1, kMasks = 2, kEvaluation = 3;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

MlmBatches::MlmBatches(TextCorpus corpus, std::shared_ptr<const Tokenizer> tokenizer,
                       MlmBatchesOptions options, SubWordSet* sub_words)
    : corpus_(std::make_shared<const TextCorpus>(std::move(corpus))),
      tokenizer_(std::move(tokenizer)),
      options_(options) {
  TORCH_CHECK(options_.batch_size >= 1 && room() >= 1 && options_.mlm_probability > 0 &&
                  options_.mlm_probability < 1,
              "MlmBatches: expected batch_size of at least 1, max_length of at least 3 and "
              "mlm_probability between 0 and 1, but got ",
              options_.batch_size, ", ", options_.max_length, " and ", options_.mlm_probability);
  require_text();
  if (options_.mixing == Mixing::kByLines) {
    shares_.push_back({0, corpus_->size(), -1, {}, {}});
  } else {
    for (size_t file = 0; file < corpus_->file_count(); ++file) {
      const auto first = corpus_->first_line(file);
      shares_.push_back({first, corpus_->first_line(file + 1) - first, -1, {}, {}});
    }
  }
  if (options_.sequences == Sequences::kLines) {
    if (sub_words != nullptr) sub_words->add_text(*corpus_, *tokenizer_);
    return;
  }
  const auto text = std::make_shared<const CountedText>(corpus_, tokenizer_, sub_words);
  in_order_ = TokenStream(text, 0, corpus_->size());
  for (auto& share : shares_) share.stream = TokenStream(text, share.first, share.size);
  // A file without a token has nothing to share.
  shares_.erase(std::remove_if(shares_.begin(), shares_.end(),
                               [](const Share& share) { return share.stream->size() == 0; }),
                shares_.end());
}

void MlmBatches::require_text() const {
  for (size_t line = 0; line < corpus_->size(); ++line) {
    if (can_mask({tokenizer_->encode(corpus_->line(line))}, *tokenizer_)) return;
  }
  input_error(
      "the text has no line with a token; expected sentences or paragraphs, a line each, in a "
      "script that the vocabulary knows");
}

int64_t MlmBatches::epoch_size() const {
  if (in_order_) return divide_up(in_order_->size(), options_.batch_size * room());
  return divide_up(static_cast<int64_t>(corpus_->size()), options_.batch_size);
}

int64_t MlmBatches::eval_size() const {
  if (!in_order_) return epoch_size();
  return divide_up(divide_up(in_order_->size() - 1, room()), options_.batch_size);
}

double MlmBatches::passes(int64_t batches) const {
  const auto sequences = static_cast<double>(batches) * static_cast<double>(options_.batch_size);
  if (!in_order_) return sequences / static_cast<double>(corpus_->size());
  return sequences * static_cast<double>(room()) / static_cast<double>(in_order_->size());
}

std::optional<int64_t> MlmBatches::batch_tokens() const {
  if (!in_order_) return std::nullopt;
  return options_.batch_size * options_.max_length;
}

MlmBatch MlmBatches::train(int64_t index) {
  RandomStream random(mix_seeds({options_.seed, kMasks, static_cast<uint64_t>(index)}));
  return in_order_ ? train_full(index, random) : train_lines(index, random);
}

LineOrder MlmBatches::shuffled_order(size_t index, int64_t epoch) const {
  return {shares_[index].size, {options_.seed, kShuffle, index, static_cast<uint64_t>(epoch)}};
}

// Sequences that are lines.

size_t MlmBatches::shuffled_line(size_t index, int64_t visit) {
  auto& share = shares_[index];
  const auto size = static_cast<int64_t>(share.size);
  if (visit / size != share.epoch) {
    share.epoch = visit / size;
    share.order = shuffled_order(index, share.epoch);
  }
  return share.first + share.order[static_cast<size_t>(visit % size)];
}

MlmBatches::TokenLists MlmBatches::line_sequences(const std::vector<size_t>& lines,
                                                  RandomStream& random) const {
  TokenLists sequences;
  for (const auto line : lines) {
    const auto tokens = tokenizer_->encode(corpus_->line(line));
    if (tokens.empty()) continue;
    const auto surplus = static_cast<int64_t>(tokens.size()) - room();
    const auto begin = tokens.begin() + (surplus > 0 ? random.below(surplus + 1) : 0);
    sequences.push_back(
        tokenizer_->with_ends({begin, surplus > 0 ? begin + room() : tokens.end()}));
  }
  return sequences;
}

MlmBatch MlmBatches::train_lines(int64_t index, RandomStream& random) {
  // A batch without a masked token is passed over for the next lines of the epoch. Where that
  // happens again and again, because hardly any token is ever drawn, one is chosen. With lines that
  // have tokens, and a probability of 0.15, it never comes to that.
  constexpr int kMostAttempts = 100;
  const auto shares = static_cast<int64_t>(shares_.size());
  int attempts = 0;
  for (int64_t next = index;; ++next) {
    std::vector<size_t> lines;
    for (int64_t i = 0; i < options_.batch_size; ++i) {
      const auto drawn = next * options_.batch_size + i;
      lines.push_back(shuffled_line(static_cast<size_t>(drawn % shares), drawn / shares));
    }
    auto sequences = line_sequences(lines, random);
    auto batch = mask_batch(sequences, *tokenizer_, options_.mlm_probability, random);
    if (batch.targets.numel() > 0) return batch;
    if (can_mask(sequences, *tokenizer_) && ++attempts == kMostAttempts)
      return mask_one(sequences, *tokenizer_, random);
  }
}

// Sequences of full length.

std::vector<int64_t> MlmBatches::shuffled_tokens(size_t index, int64_t begin, int64_t end) {
  auto& share = shares_[index];
  const auto size = share.stream->size();
  std::vector<int64_t> tokens;
  while (begin < end) {
    const auto epoch = begin / size, start = epoch * size;
    if (epoch != share.epoch) {
      share.stream->reorder(shuffled_order(index, epoch));
      share.epoch = epoch;
    }
    const auto stop = std::min(end, start + size);
    const auto part = share.stream->tokens(begin - start, stop - start);
    tokens.insert(tokens.end(), part.begin(), part.end());
    begin = stop;
  }
  return tokens;
}

MlmBatches::TokenLists MlmBatches::full_sequences(int64_t index) {
  const auto shares = static_cast<int64_t>(shares_.size());
  const auto first = index * options_.batch_size;  // of all sequences
  TokenLists sequences(static_cast<size_t>(options_.batch_size));
  for (int64_t share = 0; share < shares; ++share) {
    // Of every `shares` sequences in turn, one is from this share.
    const auto begin = divide_up(first - share, shares);
    const auto end = divide_up(first + options_.batch_size - share, shares);
    const auto tokens = shuffled_tokens(static_cast<size_t>(share), begin * room(), end * room());
    for (auto i = begin; i < end; ++i) {
      const auto from = tokens.begin() + (i - begin) * room();
      sequences[static_cast<size_t>(i * shares + share - first)] =
          tokenizer_->with_ends({from, from + room()});
    }
  }
  return sequences;
}

MlmBatch MlmBatches::train_full(int64_t index, RandomStream& random) {
  // There is nothing to learn from sequences of unknown tokens alone; somewhere there are others.
  auto sequences = full_sequences(index);
  while (!can_mask(sequences, *tokenizer_)) sequences = full_sequences(++index);
  auto batch = mask_batch(sequences, *tokenizer_, options_.mlm_probability, random);
  return batch.targets.numel() > 0 ? batch : mask_one(sequences, *tokenizer_, random);
}

MlmBatch MlmBatches::eval(int64_t index) const {
  RandomStream random(mix_seeds({kEvaluation, static_cast<uint64_t>(index)}));
  if (!in_order_) {
    const auto first = static_cast<size_t>(index * options_.batch_size);
    const auto last = std::min(corpus_->size(), first + static_cast<size_t>(options_.batch_size));
    std::vector<size_t> lines(last - first);
    std::iota(lines.begin(), lines.end(), first);
    auto sequences = line_sequences(lines, random);
    return mask_batch(sequences, *tokenizer_, options_.mlm_probability, random);
  }
  const auto all = in_order_->size() - 1;  // no </s> after the last line but the sequence's own
  const auto begin = index * options_.batch_size * room();
  const auto tokens = in_order_->tokens(begin, std::min(all, begin + options_.batch_size * room()));
  TokenLists sequences;
  for (auto from = tokens.begin(); from != tokens.end();) {
    const auto to = from + std::min<int64_t>(room(), tokens.end() - from);
    sequences.push_back(tokenizer_->with_ends({from, to}));
    from = to;
  }
  return mask_batch(sequences, *tokenizer_, options_.mlm_probability, random);
}

}  // namespace madx
