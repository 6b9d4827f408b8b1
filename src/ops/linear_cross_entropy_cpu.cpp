#include <ATen/Parallel.h>

#include "madx/cpu/vocabulary_loss.h"
#include "madx/ops/bfloat16_weight.h"
#include "madx/ops/checks.h"
#include "ops/cpu_kernel.h"
#include "ops/linear_cross_entropy_pass.h"

namespace madx::ops::detail {

bool fits_vocabulary_loss(const at::Tensor& weight) {
  return takes_cpu_kernel({weight}) ||
         (weight.scalar_type() == at::kBFloat16 && weight.device().is_cpu() && has_data(weight) &&
          fits_bfloat16_weight({cpu::kBfloat16Granule, weight.size(1)}) &&
          cpu::has_bfloat16_products());
}

CrossEntropyPass pass_by_cpu_kernel(const at::Tensor& x, const at::Tensor& weight,
                                    const at::Tensor& bias, const at::Tensor& targets,
                                    bool x_gradient, bool bias_gradient) {
  CrossEntropyPass pass{at::empty({x.size(0)}, x.options()),
                        x_gradient ? at::empty_like(x) : at::Tensor(),
                        bias_gradient ? at::empty_like(bias) : at::Tensor()};
  const auto data = [](at::Tensor& tensor) {
    return tensor.defined() ? tensor.data_ptr<float>() : nullptr;
  };
  const bool rounded = weight.scalar_type() == at::kBFloat16;
  cpu::vocabulary_loss(
      {x.const_data_ptr<float>(), rounded ? nullptr : weight.const_data_ptr<float>(),
       bias.const_data_ptr<float>(), targets.const_data_ptr<int64_t>(), x.size(0), x.size(1),
       weight.size(0), rounded ? const_bfloat16_data(weight) : nullptr},
      at::get_num_threads(), {data(pass.losses), data(pass.gradient), data(pass.bias_gradient)});
  return pass;
}

}  // namespace madx::ops::detail
