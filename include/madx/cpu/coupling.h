#pragma once

#include <cstdint>

#include "madx/gemm/products.h"

namespace madx::cpu {

/// F or G of a coupling, U relu(D x + b_D) + b_U; float32, row-major, dense.
struct CouplingNet {
  const float* down;       ///< (bottleneck, channels that are read)
  const float* down_bias;  ///< (bottleneck)
  const float* up;         ///< (channels that are added to, bottleneck)
  const float* up_bias;    ///< (channels that are added to)
  int64_t bottleneck;      ///< size between D and U
};

/// NICE's additive coupling or its inverse; see ops/coupling.h for the equation. F reads the upper
/// channels and adds to the lower hidden / 2, G the other way round.
struct CouplingProblem {
  const float* x;                                      ///< (rows, hidden)
  int64_t rows;                                        ///< tokens
  int64_t hidden;                                      ///< hidden size
  CouplingNet f;                                       ///< reads the upper half
  CouplingNet g;                                       ///< reads the lower half
  bool inverse;                                        ///< the inverse instead
  gemm::Products products = gemm::default_products();  ///< which units multiply
};

/// Computes y (rows, hidden), a tile of rows at a time, each tile while it is in cache. There is no
/// backward pass.
void coupling(const CouplingProblem& problem, int threads, float* y);

}  // namespace madx::cpu
