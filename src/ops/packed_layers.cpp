#include "ops/packed_layers.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <typeinfo>
#include <utility>
#include <vector>

#include "ops/cpu_kernel.h"
#include "ops/once_differentiable.h"
#include "ops/wants_gradient.h"

namespace madx::ops::detail {

namespace {

PackedPart part_of(const FrozenLinear& layer) { return {layer.packed, layer.bias, layer.first}; }

/// Layers as an object of TorchScript, which is how an autograd function remembers them.
struct LayerHolder : torch::CustomClassHolder {
  explicit LayerHolder(std::vector<PackedPart> layers_) : layers(std::move(layers_)) {}
  std::vector<PackedPart> layers;

  static c10::IValue capsule(std::vector<PackedPart> layers) {
    return c10::IValue::make_capsule(c10::make_intrusive<LayerHolder>(std::move(layers)));
  }
  static const std::vector<PackedPart>& of(const c10::IValue& value) {
    return static_cast<const LayerHolder*>(value.toCapsule().get())->layers;
  }
};

struct PackedLinear : torch::autograd::Function<PackedLinear> {
  using Context = torch::autograd::AutogradContext;

  static at::Tensor forward(Context* ctx, const at::Tensor& x, const FrozenLinear& layer) {
    const auto part = part_of(layer);
    auto y = at::empty({x.size(0), part.out()}, x.options());
    part.weight->forward(part, x.const_data_ptr<float>(), x.size(0), at::get_num_threads(),
                         y.data_ptr<float>());
    ctx->saved_data["layer"] = LayerHolder::capsule({part});
    return y;
  }

  static torch::autograd::variable_list backward(Context* ctx,
                                                 torch::autograd::variable_list outputs) {
    refuse_double_backward("frozen_linear");
    const auto held = ctx->saved_data["layer"];
    const auto& part = LayerHolder::of(held).front();
    const auto y_gradient = outputs[0].contiguous();
    auto x_gradient = at::empty({y_gradient.size(0), part.weight->in()}, y_gradient.options());
    part.weight->backward(part, y_gradient.const_data_ptr<float>(), y_gradient.size(0),
                          at::get_num_threads(), x_gradient.data_ptr<float>());
    return {x_gradient, at::Tensor()};
  }
};

struct PackedFeedForward : torch::autograd::Function<PackedFeedForward> {
  using Context = torch::autograd::AutogradContext;

  static at::Tensor forward(Context* ctx, const at::Tensor& x, const FrozenLinear& first,
                            const FrozenLinear& second, bool with_gradient) {
    const auto low = part_of(first), high = part_of(second);
    const auto &low_weight = *low.weight, &high_weight = *high.weight;
    TORCH_CHECK(typeid(low_weight) == typeid(high_weight),
                "feed_forward: expected packed weights of one class, but got two");
    TORCH_CHECK(!high.weight->has_exact_columns(),
                "feed_forward: expected a second weight without exact columns, which its inner "
                "units do not have, but got some");
    at::Tensor kept;
    if (with_gradient) kept = at::empty({x.size(0), low.out()}, x.options().dtype(at::kBFloat16));
    auto y = at::empty({x.size(0), high.out()}, x.options());
    low.weight->feed_forward(low, high, x.const_data_ptr<float>(), x.size(0), at::get_num_threads(),
                             with_gradient ? bfloat16_data(kept) : nullptr, y.data_ptr<float>());
    ctx->saved_data["layers"] = LayerHolder::capsule({low, high});
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
    auto x_gradient = at::empty({y_gradient.size(0), layers[0].weight->in()}, y_gradient.options());
    layers[0].weight->feed_forward_backward(layers[0], layers[1], bfloat16_data(kept),
                                            y_gradient.const_data_ptr<float>(), y_gradient.size(0),
                                            at::get_num_threads(), x_gradient.data_ptr<float>());
    return {x_gradient, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

void check_packed_rows(const char* op, const at::Tensor& x, const FrozenLinear& layer) {
  TORCH_CHECK(x.dim() == 2 && x.scalar_type() == at::kFloat && x.device().is_cpu(), op,
              ": with a packed weight, expected float32 rows on the CPU, but got ", x.sizes(),
              " of ", x.scalar_type(), " on ", x.device());
  const char* const why_not = layer.packed->why_not_here();
  TORCH_CHECK(why_not == nullptr, op, ": ", why_not);
}

at::Tensor packed_linear(const at::Tensor& x, const FrozenLinear& layer) {
  return PackedLinear::apply(x, layer);
}

at::Tensor packed_feed_forward(const at::Tensor& x, const FrozenLinear& first,
                               const FrozenLinear& second) {
  return PackedFeedForward::apply(x, first, second, wants_gradient(x));
}

}  // namespace madx::ops::detail
