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

std::vector<std::vector<int64_t>> MlmBatches::sequences_of(const std::vector<size_t>& lines,
                                                           RandomStream& random) const {
  const auto bos = tokenizer_->special().bos, eos = tokenizer_->special().eos;
  const auto room = options_.max_length - 2;
  std::vector<std::vector<int64_t>> sequences;
  const auto add = [&](auto begin, auto end) {
    std::vector<int64_t> sequence = {bos};
    sequence.insert(sequence.end(), begin, end);
    sequence.push_back(eos);
    sequences.push_back(std::move(sequence));
  };
  std::vector<int64_t> joined;
  for (const auto line : lines) {
    const auto tokens = tokenizer_->encode(corpus_.line(line));
    if (tokens.empty()) continue;
    if (options_.sequences == Sequences::kFullLength) {
      if (!joined.empty()) joined.push_back(eos);
      joined.insert(joined.end(), tokens.begin(), tokens.end());
      continue;
    }
    const auto surplus = static_cast<int64_t>(tokens.size()) - room;
    const auto begin = tokens.begin() + (surplus > 0 ? random.below(surplus + 1) : 0);
    add(begin, surplus > 0 ? begin + room : tokens.end());
  }
  for (auto begin = joined.begin(); begin != joined.end();) {
    const auto end = begin + std::min<int64_t>(room, joined.end() - begin);
    add(begin, end);
    begin = end;
  }
  return sequences;
}

MlmBatch MlmBatches::make(const std::vector<size_t>& lines, RandomStream& random) const {
  auto sequences = sequences_of(lines, random);
  std::vector<int64_t> read, targets;
  int64_t row = 0;
  for (auto& tokens : sequences) {
    const auto masked = mask_tokens(tokens, *tokenizer_, options_.mlm_probability, random);
    for (const auto place : masked.places) read.push_back(row + place);
    targets.insert(targets.end(), masked.targets.begin(), masked.targets.end());
    row += static_cast<int64_t>(tokens.size());
  }
  MlmBatch batch{pack(sequences), at::tensor(targets, at::kLong)};
  batch.batch.read_rows = at::tensor(read, at::kLong);
  return batch;
}

}  // namespace madx
