#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <mutex>

#include "madx/cpu/bfloat16.h"
#include "madx/ops/kernel_weight.h"

namespace madx::ops {

/// Whether a matrix of this shape can be a Bfloat16Weight.
bool fits_bfloat16_weight(at::IntArrayRef sizes);

/// A frozen weight in bfloat16 (madx/cpu/bfloat16.h). Rows are rounded as they come; products sum
/// in float32.
class Bfloat16Weight final : public KernelWeight<Bfloat16Weight> {
 public:
  /// Rounds `weight`, of any floating type. Throws c10::Error for a shape that is no multiple
  /// of 32.
  explicit Bfloat16Weight(const at::Tensor& weight);

  int64_t granule() const override;
  const char* why_not_here() const override;
  at::Tensor unpacked() const override;

 private:
  friend class KernelWeight<Bfloat16Weight>;

  const cpu::Bfloat16* backward_panels() const;
  static cpu::FrozenBfloat16 layer(const PackedPart& part, bool backward);

  at::Tensor forward_;
  mutable at::Tensor backward_;
  mutable std::once_flag backward_made_;
};

}  // namespace madx::ops
