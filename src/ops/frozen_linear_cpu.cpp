#include "ops/frozen_linear_cpu.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "madx/cpu/frozen_linear.h"
#include "ops/cpu_kernel.h"
#include "ops/once_differentiable.h"
#include "ops/wants_gradient.h"

namespace madx::ops::detail {

namespace {

cpu::FrozenWeight cpu_weight(const at::Tensor& weight, const at::Tensor& bias) {
  return {weight.const_data_ptr<float>(), bias.const_data_ptr<float>(), weight.size(1),
          weight.size(0)};
}

struct CpuFrozenLinear : torch::autograd::Function<CpuFrozenLinear> {
  using Context = torch::autograd::AutogradContext;

  static at::Tensor forward(Context* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias) {
    auto y = at::empty({x.size(0), weight.size(0)}, x.options());
    cpu::frozen_linear_forward(cpu_weight(weight, bias), x.const_data_ptr<float>(), x.size(0),
                               at::get_num_threads(), y.data_ptr<float>());
    ctx->save_for_backward({weight, bias});
    return y;
  }

  static torch::autograd::variable_list backward(Context* ctx,
                                                 torch::autograd::variable_list outputs) {
    refuse_double_backward("frozen_linear");
    const auto saved = ctx->get_saved_variables();
    const auto y_gradient = outputs[0].contiguous();
    auto x_gradient = at::empty({y_gradient.size(0), saved[0].size(1)}, y_gradient.options());
    cpu::frozen_linear_backward(cpu_weight(saved[0], saved[1]), y_gradient.const_data_ptr<float>(),
                                y_gradient.size(0), at::get_num_threads(),
                                x_gradient.data_ptr<float>());
    return {x_gradient, at::Tensor(), at::Tensor()};
  }
};

struct CpuFeedForward : torch::autograd::Function<CpuFeedForward> {
  using Context = torch::autograd::AutogradContext;

  static at::Tensor forward(Context* ctx, const at::Tensor& x, const at::Tensor& first_weight,
                            const at::Tensor& first_bias, const at::Tensor& second_weight,
                            const at::Tensor& second_bias, bool with_gradient) {
    const cpu::FeedForward layers{cpu_weight(first_weight, first_bias),
                                  cpu_weight(second_weight, second_bias)};
    const int threads = at::get_num_threads();
    at::Tensor kept;
    if (with_gradient)
      kept = at::empty({cpu::feed_forward_kept(layers, x.size(0), threads)}, x.options());
    auto y = at::empty({x.size(0), second_weight.size(0)}, x.options());
    cpu::feed_forward_forward(layers, x.const_data_ptr<float>(), x.size(0), threads,
                              with_gradient ? kept.data_ptr<float>() : nullptr,
                              y.data_ptr<float>());
    ctx->save_for_backward({first_weight, first_bias, second_weight, second_bias, kept});
    ctx->saved_data["threads"] = static_cast<int64_t>(threads);
    return y;
  }

  static torch::autograd::variable_list backward(Context* ctx,
                                                 torch::autograd::variable_list outputs) {
    refuse_double_backward("feed_forward");
    const auto saved = ctx->get_saved_variables();
    const auto y_gradient = outputs[0].contiguous();
    auto x_gradient = at::empty({y_gradient.size(0), saved[0].size(1)}, y_gradient.options());
    cpu::feed_forward_backward(
        {cpu_weight(saved[0], saved[1]), cpu_weight(saved[2], saved[3])},
        saved[4].const_data_ptr<float>(), y_gradient.const_data_ptr<float>(), y_gradient.size(0),
        static_cast<int>(ctx->saved_data["threads"].toInt()), x_gradient.data_ptr<float>());
    return {x_gradient, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

bool is_frozen_on_cpu(const FrozenLinear& layer) {
  return !layer.packed && !wants_gradient(layer.weight) && !wants_gradient(layer.bias) &&
         layer.weight.is_contiguous() && layer.bias.is_contiguous() &&
         ops::takes_cpu_kernel({layer.weight, layer.bias});
}

at::Tensor frozen_linear_cpu(const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& bias) {
  return CpuFrozenLinear::apply(x, weight, bias);
}

at::Tensor feed_forward_cpu(const at::Tensor& x, const FrozenLinear& first,
                            const FrozenLinear& second) {
  return CpuFeedForward::apply(x, first.weight, first.bias, second.weight, second.bias,
                               wants_gradient(x));
}

}  // namespace madx::ops::detail
