#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <string>
#include <utility>

#include "madx/adapters/bottleneck_config.h"
#include "madx/adapters/rebuilt.h"
#include "madx/ops/bottleneck.h"
#include "madx/ops/coupling.h"

namespace madx {

/// Options for `InvertibleAdapter`.
struct InvertibleAdapterOptions {
  /// For this hidden size.
  explicit InvertibleAdapterOptions(int64_t hidden_size) : hidden_size_(hidden_size) {}
  TORCH_ARG(int64_t, hidden_size);  ///< of the encoder
  /// Half the hidden size / the size between the two layers of F and G.
  TORCH_ARG(double, reduction_factor) = 2;
  /// The non-linearity of the language adapter that this one belongs to.
  TORCH_ARG(std::string, non_linearity) = "relu";
};

namespace detail {

/// F or G of the coupling: two layers on half the channels.
struct HalfNet {
  torch::nn::Linear first{nullptr};
  torch::nn::Linear second{nullptr};
  ops::Activation activation = ops::Activation::kRelu;

  ops::CouplingNet weights() const {
    return {first->weight, first->bias, second->weight, second->bias};
  }
};

}  // namespace detail

/// The invertible adapter of a language (MAD-X section 4.3): NICE's additive coupling between the
/// embeddings and the first layer; its inverse stands before the tied output embedding.
///
/// F: Linear(hidden - hidden / 2 -> bottleneck), act, Linear(-> hidden / 2); G the other way round.
class InvertibleAdapterImpl : public torch::nn::Cloneable<InvertibleAdapterImpl> {
 public:
  /// With AdapterHub's defaults: relu, reduction factor 2.
  explicit InvertibleAdapterImpl(int64_t hidden_size)
      : InvertibleAdapterImpl(InvertibleAdapterOptions(hidden_size)) {}
  /// Throws c10::Error for a hidden size below 2, InputError for an unknown non-linearity.
  explicit InvertibleAdapterImpl(InvertibleAdapterOptions options_) : options(std::move(options_)) {
    reset();
  }

  /// Makes F and G anew by `options`, initialised.
  void reset() override;
  /// Weights from N(0, 0.02), biases 0: near the identity.
  void reset_parameters();
  /// A copy with weights of its own. Cloneable's would leave `forward` with other layers than F and
  /// G hold.
  std::shared_ptr<torch::nn::Module> clone(
      const std::optional<torch::Device>& device = std::nullopt) const override {
    return detail::rebuilt(*this, options, device);
  }
  /// One line, as in the printed form of any module.
  void pretty_print(std::ostream& stream) const override;

  /// x (..., hidden) -> (..., hidden)
  at::Tensor forward(const at::Tensor& x) { return coupling(x, /*inverse=*/false); }
  /// The exact inverse of `forward`, to rounding. y (..., hidden) -> (..., hidden)
  at::Tensor inverse(const at::Tensor& y) { return coupling(y, /*inverse=*/true); }

  /// The same for `rows` rows of ops::coupling, beside those of other languages.
  ops::CouplingGroup coupling_group(int64_t rows) const {
    return {rows, f_.weights(), g_.weights()};
  }
  /// Of F and G.
  ops::Activation activation() const { return f_.activation; }

  InvertibleAdapterOptions options;  ///< as it was made
  torch::nn::Sequential F{nullptr};  ///< modules 0 and 2 are the layers: AdapterHub's names
  torch::nn::Sequential G{nullptr};  ///< the same, the other way round

 private:
  at::Tensor coupling(const at::Tensor& x, bool inverse) const {
    TORCH_CHECK(x.size(-1) == options.hidden_size(), "InvertibleAdapter: expected last dimension ",
                options.hidden_size(), ", but got ", x.sizes());
    const auto rows = x.reshape({-1, x.size(-1)});
    return ops::coupling(rows, {coupling_group(rows.size(0))}, activation(), inverse).view_as(x);
  }
  detail::HalfNet f_;
  detail::HalfNet g_;
};

TORCH_MODULE(InvertibleAdapter);

inline void InvertibleAdapterImpl::reset() {
  const auto hidden = options.hidden_size();
  TORCH_CHECK(hidden >= 2, "InvertibleAdapter: expected a hidden size of at least 2, but got ",
              hidden);
  const auto activation = ops::parse_activation(options.non_linearity());
  const auto low = hidden / 2, high = hidden - low;
  const auto layers = [&](int64_t from, int64_t to) {
    const auto between = detail::reduced_size(from, options.reduction_factor());
    return detail::HalfNet{torch::nn::Linear(from, between), torch::nn::Linear(between, to),
                           activation};
  };
  // Module 1 stands for the non-linearity, which `forward` applies with both layers in one op.
  const auto sequence = [](const detail::HalfNet& of) {
    return torch::nn::Sequential(of.first, torch::nn::Identity(), of.second);
  };
  f_ = layers(high, low);
  g_ = layers(low, high);
  F = register_module("F", sequence(f_));
  G = register_module("G", sequence(g_));
  reset_parameters();
}

inline void InvertibleAdapterImpl::reset_parameters() {
  for (const auto& item : named_parameters()) {
    if (item.value().dim() == 2) {
      torch::nn::init::normal_(item.value(), 0.0, 0.02);
    } else {
      torch::nn::init::zeros_(item.value());
    }
  }
}

inline void InvertibleAdapterImpl::pretty_print(std::ostream& stream) const {
  stream << "madx::InvertibleAdapter(hidden_size=" << options.hidden_size()
         << ", reduction_factor=" << options.reduction_factor() << ")";
}

}  // namespace madx
