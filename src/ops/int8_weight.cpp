#include "madx/ops/int8_weight.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace madx::ops {

std::vector<int32_t> large_columns(const at::Tensor& weight, const at::Tensor& bias) {
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

Int8Weight::Int8Weight(const at::Tensor& weight, std::vector<int32_t> exact)
    : KernelWeight(weight), exact_(std::move(exact)) {
  constexpr auto kGranule = cpu::kInt8Granule;
  TORCH_CHECK(weight.dim() == 2 && out() % kGranule == 0 && in() % kGranule == 0,
              "Int8Weight: expected sizes that are multiples of ", kGranule, ", but got ",
              weight.sizes());
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

int64_t Int8Weight::granule() const { return cpu::kInt8Granule; }

const char* Int8Weight::why_not_here() const {
  return cpu::has_int8_products() ? nullptr
                                  : "expected a processor that multiplies int8 (AVX2), but this "
                                    "one does not, or MADX_CPU_CAPABILITY hides it";
}

at::Tensor Int8Weight::unpacked() const {
  auto weight = at::empty({out(), in()}, at::kFloat);
  cpu::dequantise(matrix_of(forward_, in()), out(), in(), weight.data_ptr<float>());
  return weight.index_copy_(1, exact_columns(), exact_weights_.t());
}

Int8Weight::Quantised Int8Weight::quantised(const at::Tensor& matrix,
                                            const std::vector<int32_t>& exact) {
  Quantised result{at::empty(matrix.sizes(), at::kChar), at::empty({matrix.size(0)}, at::kFloat)};
  cpu::quantise(matrix.const_data_ptr<float>(), matrix.size(0), matrix.size(1), exact.data(),
                static_cast<int64_t>(exact.size()),
                {result.panels.data_ptr<int8_t>(), result.scales.data_ptr<float>()});
  return result;
}

cpu::Int8Matrix Int8Weight::matrix_of(const Quantised& from, int64_t k) {
  return {from.panels.const_data_ptr<int8_t>(), cpu::kInt8Granule * k,
          from.scales.const_data_ptr<float>()};
}

at::Tensor Int8Weight::exact_columns() const {
  return at::tensor(std::vector<int64_t>(exact_.begin(), exact_.end()), at::kLong);
}

const Int8Weight::Quantised& Int8Weight::backward_matrix() const {
  std::call_once(backward_made_,
                 [this] { backward_ = quantised(unpacked().t().contiguous(), {}); });
  return backward_;
}

cpu::FrozenInt8 Int8Weight::layer(const PackedPart& part, bool backward) {
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

}  // namespace madx::ops
