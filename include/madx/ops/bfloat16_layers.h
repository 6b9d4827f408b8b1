#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include "madx/ops/frozen_layer.h"
#include "madx/ops/once_differentiable.h"

namespace madx::ops::detail {

/// A layer with a packed weight, for the kernels of madx/cpu. Its copy for the backward pass is
/// made only where there is one.
inline cpu::FrozenBfloat16 cpu_layer(const FrozenLinear& layer, bool backward) {
  const auto granule = cpu::kBfloat16Granule;
  return {layer.packed->forward() + layer.first * layer.in(),
          backward ? layer.packed->backward() + layer.first * granule : nullptr,
          granule * layer.packed->out(),
          layer.bias.const_data_ptr<float>(),
          layer.in(),
          layer.out()};
}

inline void check_rows(const char* op, const at::Tensor& x) {
  TORCH_CHECK(x.dim() == 2 && x.scalar_type() == at::kFloat && x.device().is_cpu(), op,
              ": with a packed weight, expected float32 rows on the CPU, but got ", x.sizes(),
              " of ", x.scalar_type(), " on ", x.device());
  TORCH_CHECK(cpu::has_bfloat16_products(), op,
              ": expected a processor with matrix units for bfloat16 (AMX), but this one has none");
}

/// Layers as an object of TorchScript, which is how an autograd function remembers them.
struct LayerHolder : torch::CustomClassHolder {
  explicit LayerHolder(std::vector<FrozenLinear> layers_) : layers(std::move(layers_)) {}
  std::vector<FrozenLinear> layers;

  static c10::IValue capsule(std::vector<FrozenLinear> layers) {
    return c10::IValue::make_capsule(c10::make_intrusive<LayerHolder>(std::move(layers)));
  }
  static const std::vector<FrozenLinear>& of(const c10::IValue& value) {
    return static_cast<const LayerHolder*>(value.toCapsule().get())->layers;
  }
};

struct Bfloat16Linear : torch::autograd::Function<Bfloat16Linear> {
  using Context = torch::autograd::AutogradContext;

  static at::Tensor forward(Context* ctx, const at::Tensor& x, const FrozenLinear& layer) {
    auto y = at::empty({x.size(0), layer.out()}, x.options());
    cpu::frozen_linear_forward(cpu_layer(layer, /*backward=*/false), x.const_data_ptr<float>(),
                               x.size(0), at::get_num_threads(), y.data_ptr<float>());
    ctx->saved_data["layer"] = LayerHolder::capsule({layer});
    return y;
  }

  static torch::autograd::variable_list backward(Context* ctx,
                                                 torch::autograd::variable_list outputs) {
    refuse_double_backward("frozen_linear");
    const auto held = ctx->saved_data["layer"];
    const auto& layer = LayerHolder::of(held).front();
    const auto y_gradient = outputs[0].contiguous();
    auto x_gradient = at::empty({y_gradient.size(0), layer.in()}, y_gradient.options());
    cpu::frozen_linear_backward(cpu_layer(layer, /*backward=*/true),
                                y_gradient.const_data_ptr<float>(), y_gradient.size(0),
                                at::get_num_threads(), x_gradient.data_ptr<float>());
    return {x_gradient, at::Tensor()};
  }
};

struct Bfloat16FeedForward : torch::autograd::Function<Bfloat16FeedForward> {
  using Context = torch::autograd::AutogradContext;

  static at::Tensor forward(Context* ctx, const at::Tensor& x, const FrozenLinear& first,
                            const FrozenLinear& second, bool with_gradient) {
    at::Tensor kept;
    if (with_gradient) kept = at::empty({x.size(0), first.out()}, x.options().dtype(at::kBFloat16));
    auto y = at::empty({x.size(0), second.out()}, x.options());
    cpu::feed_forward_forward({cpu_layer(first, false), cpu_layer(second, false)},
                              x.const_data_ptr<float>(), x.size(0), at::get_num_threads(),
                              with_gradient ? bits(kept) : nullptr, y.data_ptr<float>());
    ctx->saved_data["layers"] = LayerHolder::capsule({first, second});
    ctx->save_for_backward({kept});
    return y;
  }

  static torch::autograd::variable_list backward(Context* ctx,
                                                 torch::autograd::variable_list outputs) {
    refuse_double_backward("feed_forward");
    const auto held = ctx->saved_data["layers"];
    const auto& layers = LayerHolder::of(held);
    const auto kept = ctx->get_saved_variables()[0];
    const auto y_gradient = outputs[0].contiguous();
    auto x_gradient = at::empty({y_gradient.size(0), layers[0].in()}, y_gradient.options());
    cpu::feed_forward_backward({cpu_layer(layers[0], true), cpu_layer(layers[1], true)}, bits(kept),
                               y_gradient.const_data_ptr<float>(), y_gradient.size(0),
                               at::get_num_threads(), x_gradient.data_ptr<float>());
    return {x_gradient, at::Tensor(), at::Tensor(), at::Tensor()};
  }

 private:
  static cpu::Bfloat16* bits(const at::Tensor& tensor) {
    return reinterpret_cast<cpu::Bfloat16*>(tensor.data_ptr<at::BFloat16>());
  }
};

}  // namespace madx::ops::detail
