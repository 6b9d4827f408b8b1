#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <mutex>

#include "madx/cpu/bfloat16.h"
#include "madx/ops/kernel_weight.h"

namespace madx::ops {

/// Whether a matrix of this shape can be a Bfloat16Weight.
inline bool fits_bfloat16_weight(at::IntArrayRef sizes) {
  return sizes.size() == 2 && sizes[0] % cpu::kBfloat16Granule == 0 &&
         sizes[1] % cpu::kBfloat16Granule == 0;
}

/// A frozen weight in bfloat16 (madx/cpu/bfloat16.h). Rows are rounded as they come; products sum
/// in float32.
class Bfloat16Weight final : public KernelWeight<Bfloat16Weight> {
 public:
  /// Rounds `weight`, of any floating type. Throws c10::Error for a shape that is no multiple
  /// of 32.
  explicit Bfloat16Weight(const at::Tensor& weight) : KernelWeight(weight) {
    TORCH_CHECK(fits_bfloat16_weight(weight.sizes()),
                "Bfloat16Weight: expected sizes that are multiples of ", cpu::kBfloat16Granule,
                ", but got ", weight.sizes());
    const auto rounded = weight.detach().to(at::kCPU, at::kBFloat16).contiguous();
    forward_ = at::empty({out(), in()}, rounded.options());
    cpu::pack_transposed(bits(rounded), out(), in(), bits(forward_));
  }

  int64_t granule() const override { return cpu::kBfloat16Granule; }
  const char* why_not_here() const override {
    return cpu::has_bfloat16_products()
               ? nullptr
               : "expected a processor that multiplies bfloat16 (AMX or AVX512-BF16), but this one "
                 "does not";
  }
  at::Tensor unpacked() const override {
    const auto granule = cpu::kBfloat16Granule;
    return forward_.view({out() / granule, in() / 2, granule, 2})
        .permute({0, 2, 1, 3})
        .reshape({out(), in()});
  }

 private:
  friend class KernelWeight<Bfloat16Weight>;

  static cpu::Bfloat16* bits(const at::Tensor& tensor) {
    return reinterpret_cast<cpu::Bfloat16*>(tensor.data_ptr<at::BFloat16>());
  }

  const cpu::Bfloat16* backward_panels() const {
    std::call_once(backward_made_, [this] {
      const auto weight = unpacked();
      backward_ = at::empty_like(weight);
      cpu::pack(bits(weight), out(), in(), in(), out(), bits(backward_));
    });
    return bits(backward_);
  }

  static cpu::FrozenBfloat16 layer(const PackedPart& part, bool backward) {
    const auto& weight = dynamic_cast<const Bfloat16Weight&>(*part.weight);
    const auto granule = cpu::kBfloat16Granule;
    return {bits(weight.forward_) + part.first * weight.in(),
            backward ? weight.backward_panels() + part.first * granule : nullptr,
            granule * weight.out(),
            part.bias.const_data_ptr<float>(),
            weight.in(),
            part.out()};
  }

  at::Tensor forward_;
  mutable at::Tensor backward_;
  mutable std::once_flag backward_made_;
};

}  // namespace madx::ops
