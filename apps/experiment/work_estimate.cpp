#include "apps/experiment/work_estimate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "apps/experiment/piece_store.h"
#include "madx/core/plain_text.h"

namespace madx::apps {
namespace {

namespace fs = std::filesystem;

/// The value of a numeric flag, or else `other`.
double number_of(const Piece& piece, const std::string& flag, double other) {
  const auto found = piece.recipe.settings.find(flag);
  if (found == piece.recipe.settings.end()) return other;
  return parse_number(found->second).value_or(other);
}

int64_t bytes_of(const std::string& path) {
  if (!fs::is_directory(path)) return static_cast<int64_t>(fs::file_size(path));
  int64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(path))
    if (entry.is_regular_file()) bytes += static_cast<int64_t>(entry.file_size());
  return bytes;
}

int64_t input_bytes(const Piece& piece, const std::string& flag) {
  int64_t bytes = 0;
  for (const auto& [name, files] : piece.recipe.inputs) {
    if (name != flag && name.compare(0, flag.size() + 1, flag + " ") != 0) continue;
    for (const auto& file : files) bytes += static_cast<int64_t>(file.size);
  }
  return bytes;
}

/// Tokens that a piece reads: by its steps, or by its files, of 4 bytes a token.
double tokens_of(const Piece& piece) {
  constexpr double kBytes = 4, kLength = 128, kHalf = 0.5;
  const bool trains_mlm = piece.kind == PieceKind::kLmHead ||
                          piece.kind == PieceKind::kLanguageAdapter ||
                          piece.kind == PieceKind::kAdaptedEncoder;
  if (piece.kind == PieceKind::kScoring)
    return static_cast<double>(input_bytes(piece, "--test")) / kBytes;
  if (const auto steps = number_of(piece, "--steps", 0); steps > 0) {
    const bool full = piece.recipe.settings.count("--full-length") > 0;
    return steps * number_of(piece, "--batch-size", trains_mlm ? 8 : 16) *
           number_of(piece, "--max-length", kLength) * (full ? 1 : kHalf);
  }
  const auto bytes = input_bytes(piece, trains_mlm ? "--text" : "--train");
  return number_of(piece, "--epochs", trains_mlm ? 3 : 10) * static_cast<double>(bytes) / kBytes;
}

}  // namespace

WorkEstimator::WorkEstimator(const ExperimentConfig& config, const ExperimentPlan& plan)
    : encoder_bytes_(bytes_of(config.encoder)) {
  const PieceStore store(plan.store);
  for (const auto& piece : plan.pieces) {
    if (!store.is_done(piece)) continue;
    const auto record = *store.record(piece);
    auto& all = measured_[piece.kind];
    all.seconds += record.seconds;
    all.tokens += tokens_of(piece);
    all.memory = std::max(all.memory, record.peak_memory);
  }
}

double WorkEstimator::flops_rate() {
  if (flops_rate_) return *flops_rate_;
  constexpr int64_t kSize = 768;
  constexpr int kTimes = 4;
  const auto a = at::ones({kSize, kSize}), b = at::ones({kSize, kSize});
  at::mm(a, b);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kTimes; ++i) at::mm(a, b);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  flops_rate_ = 2.0 * kSize * kSize * kSize * kTimes / std::max(took.count(), 1e-9);
  return *flops_rate_;
}

WorkEstimate WorkEstimator::operator()(const Piece& piece) {
  const auto tokens = tokens_of(piece);
  if (const auto found = measured_.find(piece.kind); found != measured_.end()) {
    const auto& all = found->second;
    return {all.seconds * tokens / std::max(all.tokens, 1.0), all.memory, true};
  }
  // Two thirds of a multilingual encoder are word embeddings, which cost no FLOPs.
  constexpr double kShare = 1.0 / 3, kBytes = 4, kForward = 2, kBack = 4;
  const bool trains = piece.kind != PieceKind::kScoring && piece.kind != PieceKind::kLmHead;
  const double weights = kShare * static_cast<double>(encoder_bytes_) / kBytes;
  const bool whole =
      piece.kind == PieceKind::kAdaptedEncoder || piece.kind == PieceKind::kFineTuning;
  // Weights, and for those that learn gradient, two moments and the best.
  const int64_t memory = (int64_t{300} << 20) + encoder_bytes_ * (whole ? 5 : 1);
  return {tokens * weights * (kForward + (trains ? kBack : 0)) / flops_rate(), memory, false};
}

}  // namespace madx::apps
