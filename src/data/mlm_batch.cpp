#include "madx/data/mlm_batch.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace madx {
namespace {

MlmBatch pack_masked(const std::vector<std::vector<int64_t>>& sequences,
                     const std::vector<int64_t>& rows, const std::vector<int64_t>& targets) {
  MlmBatch batch{pack(sequences), at::tensor(targets, at::kLong)};
  batch.batch.read_rows = at::tensor(rows, at::kLong);
  return batch;
}

}  // namespace

bool can_mask(const std::vector<std::vector<int64_t>>& sequences, const Tokenizer& tokenizer) {
  return std::any_of(sequences.begin(), sequences.end(), [&](const auto& tokens) {
    return std::any_of(tokens.begin(), tokens.end(),
                       [&](int64_t id) { return !tokenizer.is_special(id); });
  });
}

MlmBatch mask_batch(std::vector<std::vector<int64_t>>& sequences, const Tokenizer& tokenizer,
                    double probability, RandomStream& random) {
  std::vector<int64_t> rows, targets;
  int64_t row = 0;
  for (auto& tokens : sequences) {
    const auto masked = mask_tokens(tokens, tokenizer, probability, random);
    for (const auto place : masked.places) rows.push_back(row + place);
    targets.insert(targets.end(), masked.targets.begin(), masked.targets.end());
    row += static_cast<int64_t>(tokens.size());
  }
  return pack_masked(sequences, rows, targets);
}

MlmBatch mask_one(std::vector<std::vector<int64_t>>& sequences, const Tokenizer& tokenizer,
                  RandomStream& random) {
  struct Place {
    size_t sequence, token;
    int64_t row;
  };
  std::vector<Place> places;
  int64_t row = 0;
  for (size_t s = 0; s < sequences.size(); ++s) {
    for (size_t i = 0; i < sequences[s].size(); ++i, ++row)
      if (!tokenizer.is_special(sequences[s][i])) places.push_back({s, i, row});
  }
  const auto chosen =
      places.at(static_cast<size_t>(random.below(static_cast<int64_t>(places.size()))));
  auto& tokens = sequences[chosen.sequence];
  const auto target = tokens[chosen.token];
  mask_token(tokens, chosen.token, tokenizer, random);
  return pack_masked(sequences, {chosen.row}, {target});
}

}  // namespace madx
