#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "apps/experiment/experiment_plan.h"

namespace madx::apps {

/// What a piece will take, and how it is known.
struct WorkEstimate {
  double seconds = 0;
  int64_t memory = 0;     ///< bytes
  bool measured = false;  ///< by pieces of its kind that are done; else by FLOPs and a short GEMM
};

/// Estimates pieces that are not done, from those of the same kind that are: time by the tokens of
/// each. Without any, from the size of the encoder's weights: 2 FLOPs a weight and token forward,
/// 4 back, at the rate at which this machine multiplies matrices.
class WorkEstimator {
 public:
  WorkEstimator(const ExperimentConfig& config, const ExperimentPlan& plan);
  WorkEstimate operator()(const Piece& piece);

 private:
  struct Measured {
    double seconds = 0, tokens = 0;
    int64_t memory = 0;
  };
  double flops_rate();

  std::map<PieceKind, Measured> measured_;
  int64_t encoder_bytes_ = 0;
  std::optional<double> flops_rate_;
};

}  // namespace madx::apps
