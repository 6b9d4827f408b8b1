#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "madx/cpu/int8.h"
#include "madx/ops/kernel_weight.h"

namespace madx::ops {

/// Whether a matrix of this shape can be an Int8Weight.
inline bool fits_int8_weight(at::IntArrayRef sizes) {
  return sizes.size() == 2 && sizes[0] % cpu::kInt8Granule == 0 &&
         sizes[1] % cpu::kInt8Granule == 0;
}

/// The columns of a LayerNorm's result that are far larger than the others, by its weight and bias
/// (both (hidden)), ascending: BERT-like encoders have a few, the same for every row (Kovaleva et
/// al. 2021), and a row's range in 8 bits would go to them. A column is taken where
/// |bias| + 3 |weight| is twice the median; of many, the largest hidden / 32.
inline std::vector<int32_t> large_columns(const at::Tensor& weight, const at::Tensor& bias) {
  constexpr float kTimes = 2, kDeviations = 3;
  constexpr int64_t kShare = 32;
  const auto size =
      (bias.detach().abs() + kDeviations * weight.detach().abs()).to(at::kCPU, at::kFloat);
  const auto most = size.numel() / kShare;
  if (most == 0) return {};
  const auto limit = kTimes * size.median().item<float>();
  const auto [sizes, columns] = size.topk(most);
  std::vector<int32_t> large;
  for (int64_t i = 0; i < most; ++i)
    if (sizes[i].item<float>() > limit)
      large.push_back(static_cast<int32_t>(columns[i].item<int64_t>()));
  std::sort(large.begin(), large.end());
  return large;
}

/// A frozen weight in int8 (madx/cpu/int8.h), each output with a scale of its own. Rows are
/// quantised as they come, each with its range; sums are exact. Some columns of x may be left out
/// of that, and are multiplied in float32.
class Int8Weight final : public KernelWeight<Int8Weight> {
 public:
  /// Quantises `weight`, of any floating type; `exact` are columns of it, ascending, none twice.
  /// Throws c10::Error for a shape that is no multiple of 16 or above kInt8MostInputs.
  explicit Int8Weight(const at::Tensor& weight, std::vector<int32_t> exact = {})
      : KernelWeight(weight), exact_(std::move(exact)) {
    TORCH_CHECK(fits_int8_weight(weight.sizes()),
                "Int8Weight: expected sizes that are multiples of ", cpu::kInt8Granule,
                ", but got ", weight.sizes());
    TORCH_CHECK(in() <= cpu::kInt8MostInputs && out() <= cpu::kInt8MostInputs,
                "Int8Weight: expected at most ", cpu::kInt8MostInputs,
                " inputs and outputs, whose sums 32 bits hold, but got ", weight.sizes());
    TORCH_CHECK(std::is_sorted(exact_.begin(), exact_.end(), std::less_equal<int32_t>()) &&
                    (exact_.empty() || (exact_.front() >= 0 && exact_.back() < in())),
                "Int8Weight: expected ascending columns in [0, ", in(), "), but got others");
    const auto matrix = weight.detach().to(at::kCPU, at::kFloat).contiguous();
    exact_weights_ = matrix.index_select(1, exact_columns()).t().contiguous();
    forward_ = quantised(matrix, exact_);
  }

  int64_t granule() const override { return cpu::kInt8Granule; }
  bool has_exact_columns() const override { return !exact_.empty(); }
  const char* why_not_here() const override {
    return cpu::has_int8_products()
               ? nullptr
               : "expected a processor that multiplies int8 (AVX2), but this one does not";
  }
  at::Tensor unpacked() const override {
    auto weight = at::empty({out(), in()}, at::kFloat);
    cpu::dequantise(matrix_of(forward_, in()), out(), in(), weight.data_ptr<float>());
    return weight.index_copy_(1, exact_columns(), exact_weights_.t());
  }

 private:
  friend class KernelWeight<Int8Weight>;

  struct Quantised {
    at::Tensor panels;  // int8
    at::Tensor scales;  // float32
  };

  static Quantised quantised(const at::Tensor& matrix, const std::vector<int32_t>& exact) {
    Quantised result{at::empty(matrix.sizes(), at::kChar), at::empty({matrix.size(0)}, at::kFloat)};
    cpu::quantise(matrix.const_data_ptr<float>(), matrix.size(0), matrix.size(1), exact.data(),
                  static_cast<int64_t>(exact.size()),
                  {result.panels.data_ptr<int8_t>(), result.scales.data_ptr<float>()});
    return result;
  }
  /// Of a matrix with k rows.
  static cpu::Int8Matrix matrix_of(const Quantised& from, int64_t k) {
    return {from.panels.const_data_ptr<int8_t>(), cpu::kInt8Granule * k,
            from.scales.const_data_ptr<float>()};
  }
  at::Tensor exact_columns() const {
    return at::tensor(std::vector<int64_t>(exact_.begin(), exact_.end()), at::kLong);
  }

  /// From what the forward pass multiplies by, of which this is the gradient.
  const Quantised& backward_matrix() const {
    std::call_once(backward_made_,
                   [this] { backward_ = quantised(unpacked().t().contiguous(), {}); });
    return backward_;
  }

  static cpu::FrozenInt8 layer(const PackedPart& part, bool backward) {
    const auto& weight = dynamic_cast<const Int8Weight&>(*part.weight);
    auto forward = matrix_of(weight.forward_, weight.in());
    forward.panels += part.first * weight.in();
    forward.scales += part.first;
    cpu::Int8Matrix back{nullptr, 0, nullptr};
    if (backward) {
      back = matrix_of(weight.backward_matrix(), weight.out());
      back.panels += part.first * cpu::kInt8Granule;
    }
    return {forward,
            back,
            part.bias.const_data_ptr<float>(),
            weight.in(),
            part.out(),
            weight.exact_.data(),
            weight.exact_weights_.const_data_ptr<float>() + part.first,
            static_cast<int64_t>(weight.exact_.size()),
            weight.out()};
  }

  std::vector<int32_t> exact_;
  at::Tensor exact_weights_;  // (exact, out)
  Quantised forward_;
  mutable Quantised backward_;
  mutable std::once_flag backward_made_;
};

}  // namespace madx::ops
