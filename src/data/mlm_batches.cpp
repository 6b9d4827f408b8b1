#include "madx/data/mlm_batches.h"

#include <algorithm>
#include <numeric>

#include "madx/core/error.h"

namespace madx {
namespace {

/// Marks of the streams drawn from one seed.
constexpr uint64_t kShuffle = 1, kMasks = 2, kEvaluation = 3;

}  // namespace

MlmBatches::MlmBatches(TextCorpus corpus, std::shared_ptr<const Tokenizer> tokenizer,
                       MlmBatchesOptions options)
    : corpus_(std::move(corpus)), tokenizer_(std::move(tokenizer)), options_(options) {
  const auto lines = corpus_.size();
  size_t line = 0;
  while (line < lines && tokenizer_->encode(corpus_.line(line)).empty()) ++line;
  if (line == lines)
    input_error("the text has no line with a token; expected sentences or paragraphs, a line each");
  if (options_.mixing == Mixing::kByLines) {
    shares_.push_back({0, lines, -1, {}});
  } else {
    for (size_t file = 0; file < corpus_.file_count(); ++file) {
      const auto first = corpus_.first_line(file);
      shares_.push_back({first, corpus_.first_line(file + 1) - first, -1, {}});
    }
  }
}

int64_t MlmBatches::epoch_size() const {
  const auto lines = static_cast<int64_t>(corpus_.size());
  return (lines + options_.batch_size - 1) / options_.batch_size;
}

size_t MlmBatches::shuffled_line(size_t index, int64_t visit) {
  auto& share = shares_[index];
  const auto size = static_cast<int64_t>(share.size);
  const auto epoch = visit / size;
  if (epoch != share.epoch) {
    share.order.resize(share.size);
    std::iota(share.order.begin(), share.order.end(), 0U);
    RandomStream random(mix_seeds({options_.seed, kShuffle, index, static_cast<uint64_t>(epoch)}));
    for (auto left = size; left > 1; --left) {
      std::swap(share.order[static_cast<size_t>(left - 1)],
                share.order[static_cast<size_t>(random.below(left))]);
    }
    share.epoch = epoch;
  }
  return share.first + share.order[static_cast<size_t>(visit % size)];
}

MlmBatch MlmBatches::train(int64_t index) {
  RandomStream random(mix_seeds({options_.seed, kMasks, static_cast<uint64_t>(index)}));
  const auto shares = static_cast<int64_t>(shares_.size());
  // A batch without a token, of lines of odd white space alone, is passed over for the next lines
  // of the epoch.
  for (int64_t attempt = 0;; ++attempt) {
    std::vector<size_t> lines;
    for (int64_t i = 0; i < options_.batch_size; ++i) {
      const auto drawn = (index + attempt) * options_.batch_size + i;
      lines.push_back(shuffled_line(static_cast<size_t>(drawn % shares), drawn / shares));
    }
    auto batch = make(lines, random);
    if (batch.targets.numel() > 0) return batch;
  }
}

MlmBatch MlmBatches::eval(int64_t index) const {
  RandomStream random(mix_seeds({kEvaluation, static_cast<uint64_t>(index)}));
  std::vector<size_t> lines;
  const auto first = static_cast<size_t>(index * options_.batch_size);
  for (auto line = first;
       line < std::min(corpus_.size(), first + static_cast<size_t>(options_.batch_size)); ++line) {
    lines.push_back(line);
  }
  return make(lines, random);
}

MlmBatch MlmBatches::make(const std::vector<size_t>& lines, RandomStream& random) const {
  std::vector<std::vector<int64_t>> sequences;
  std::vector<int64_t> read, targets;
  int64_t row = 0;
  for (const auto line : lines) {
    auto tokens = tokenizer_->encode(corpus_.line(line));
    if (tokens.empty()) continue;
    const auto room = options_.max_length - 2, surplus = static_cast<int64_t>(tokens.size()) - room;
    if (surplus > 0) {
      const auto begin = tokens.begin() + random.below(surplus + 1);
      tokens = std::vector<int64_t>(begin, begin + room);
    }
    tokens.insert(tokens.begin(), tokenizer_->special().bos);
    tokens.push_back(tokenizer_->special().eos);
    const auto masked = mask_tokens(tokens, *tokenizer_, options_.mlm_probability, random);
    for (const auto place : masked.places) read.push_back(row + place);
    targets.insert(targets.end(), masked.targets.begin(), masked.targets.end());
    row += static_cast<int64_t>(tokens.size());
    sequences.push_back(std::move(tokens));
  }
  MlmBatch batch{pack(sequences), at::tensor(targets, at::kLong)};
  batch.batch.read_rows = at::tensor(read, at::kLong);
  return batch;
}

}  // namespace madx
