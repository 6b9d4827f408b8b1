#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <mutex>

#include "madx/cpu/bfloat16.h"

namespace madx::ops {

/// Whether a matrix of this shape can be a PackedWeight.
inline bool fits_packed_weight(at::IntArrayRef sizes) {
  return sizes.size() == 2 && sizes[0] % cpu::kBfloat16Granule == 0 &&
         sizes[1] % cpu::kBfloat16Granule == 0;
}

/// A frozen weight (out, in) in bfloat16, in the order in which the processor's matrix units read
/// it (madx/cpu/bfloat16.h): a copy for the forward pass, and one for the backward pass from the
/// first time on that there is one.
class PackedWeight {
 public:
  /// Rounds `weight`, of any floating type. Throws c10::Error for a shape that is no multiple
  /// of 32.
  explicit PackedWeight(const at::Tensor& weight) : out_(weight.size(0)), in_(weight.size(1)) {
    TORCH_CHECK(fits_packed_weight(weight.sizes()),
                "PackedWeight: expected sizes that are multiples of ", cpu::kBfloat16Granule,
                ", but got ", weight.sizes());
    const auto rounded = weight.detach().to(at::kCPU, at::kBFloat16).contiguous();
    forward_ = at::empty({out_, in_}, rounded.options());
    cpu::pack_transposed(bits(rounded), out_, in_, bits(forward_));
  }

  int64_t out() const { return out_; }
  int64_t in() const { return in_; }
  const cpu::Bfloat16* forward() const { return bits(forward_); }
  const cpu::Bfloat16* backward() const {
    std::call_once(backward_made_, [this] {
      const auto weight = unpacked();
      backward_ = at::empty_like(weight);
      cpu::pack(bits(weight), out_, in_, in_, out_, bits(backward_));
    });
    return bits(backward_);
  }

  /// The weight as it was, rounded: (out, in) bfloat16.
  at::Tensor unpacked() const {
    const auto granule = cpu::kBfloat16Granule;
    return forward_.view({out_ / granule, in_ / 2, granule, 2})
        .permute({0, 2, 1, 3})
        .reshape({out_, in_});
  }

 private:
  static cpu::Bfloat16* bits(const at::Tensor& tensor) {
    return reinterpret_cast<cpu::Bfloat16*>(tensor.data_ptr<at::BFloat16>());
  }

  int64_t out_, in_;
  at::Tensor forward_;
  mutable at::Tensor backward_;
  mutable std::once_flag backward_made_;
};

}  // namespace madx::ops
