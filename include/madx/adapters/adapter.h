#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include <cmath>
#include <memory>
#include <optional>

#include "madx/adapters/bottleneck_config.h"
#include "madx/adapters/rebuilt.h"
#include "madx/adapters/site.h"
#include "madx/ops/batch_part.h"
#include "madx/ops/bottleneck.h"
#include "madx/ops/random_seed.h"
#include "madx/ops/sequences.h"

namespace madx {

/// Options for one `Adapter`: the configuration of its set, and its sizes in one layer.
///
/// \snippet adapters_test.cpp adapter
struct AdapterOptions {
  /// Both sizes; the configuration is Pfeiffer's until it is set.
  AdapterOptions(int64_t hidden_size, int64_t bottleneck_size)
      : hidden_size_(hidden_size), bottleneck_size_(bottleneck_size) {}
  /// Placement and LayerNorm rules, non-linearity, scaling, initialisation.
  TORCH_ARG(BottleneckConfig, config);
  TORCH_ARG(int64_t, hidden_size);      ///< of the encoder: what an adapter reads and writes
  TORCH_ARG(int64_t, bottleneck_size);  ///< inside the adapter: `config` does not decide it here
};

/// One bottleneck at one site: down, non-linearity, up (Houlsby et al. 2019; Pfeiffer et al. 2020),
/// with AdapterHub's rules for what it reads, what its residual is, and how the block ends.
/// Parameter names are AdapterHub's.
class AdapterImpl : public torch::nn::Cloneable<AdapterImpl> {
 public:
  /// Pfeiffer's configuration. Throws c10::Error where a size is not positive.
  AdapterImpl(int64_t hidden_size, int64_t bottleneck_size)
      : AdapterImpl(AdapterOptions(hidden_size, bottleneck_size)) {}
  /// Throws as the other one, and InputError for an unknown `non_linearity` or `init_weights`.
  explicit AdapterImpl(AdapterOptions options_) : options(std::move(options_)) { reset(); }

  /// Makes all layers anew by `options`, and initialises them.
  void reset() override;
  /// Initialises as `config.init_weights` says: bert, mam_adapter or houlsby.
  void reset_parameters();
  /// A copy with weights of its own. Cloneable's would leave `forward` with other layers than
  /// `adapter_down` holds.
  std::shared_ptr<torch::nn::Module> clone(
      const std::optional<torch::Device>& device = std::nullopt) const override {
    return detail::rebuilt(*this, options, device);
  }
  /// One line, as in the printed form of any module.
  void pretty_print(std::ostream& stream) const override;

  /// What the bottleneck reads and what it is added to, from the output `h` of the adapter below (f
  /// for the first).
  struct Input {
    at::Tensor x;         ///< (rows, hidden): what the bottleneck reads
    at::Tensor residual;  ///< (rows, hidden); undefined for a parallel adapter, which adds nothing
    const RowOffsets* sequences = nullptr;  ///< where they begin: gates need it
  };
  /// Of h (rows, hidden) and the site, by the configuration's placement of LayerNorm and residual.
  Input read(const at::Tensor& h, const SiteInput& site) const;

  /// scaling * U act(D x) with dropout, gate, LayerNorms and residual as configured. x (rows,
  /// hidden) -> (rows, hidden)
  at::Tensor forward(const Input& input);

  /// scaling * U act(D x) alone, which is what AdapterFusion reads: (rows, hidden).
  at::Tensor up(const Input& input);

  /// Whether this is Pfeiffer's configuration as it stands (in evaluation, whatever its dropout
  /// is), which ops::adapter_site computes as a whole.
  bool fits_site_op() const;
  /// The weights, for ops::adapter_site.
  ops::SiteAdapter weights() const {
    return {down_->weight, down_->bias, adapter_up->weight, adapter_up->bias};
  }

  /// The block's output, when this adapter is the last of its site: LN(y + a), or y as it is
  /// without `original_ln_after`; of a parallel adapter y + f in place of y.
  at::Tensor close(const at::Tensor& y, const SiteInput& site) const;

  AdapterOptions options;                             ///< as it was made
  torch::nn::Sequential adapter_down{nullptr};        ///< [LayerNorm,] Linear(hidden, bottleneck)
  torch::nn::Linear adapter_up{nullptr};              ///< Linear(bottleneck, hidden)
  torch::nn::LayerNorm adapter_norm_before{nullptr};  ///< with `ln_before`; else empty
  torch::nn::LayerNorm adapter_norm_after{nullptr};   ///< with `ln_after`; else empty
  torch::nn::Linear gate{nullptr};                    ///< Linear(hidden, 1), with `use_gating`
  torch::Tensor scaling;  ///< (1) or (hidden) where it is learned; undefined where it is a number

 private:
  static const RowOffsets& sequences_of(const Input& input) {
    TORCH_CHECK(input.sequences != nullptr && input.sequences->back() == input.x.size(0),
                "Adapter: expected where the sequences of ", input.x.size(0),
                " rows begin, which use_gating and stochastic_depth need, but got none");
    return *input.sequences;
  }

  torch::nn::Linear down_{nullptr};
  ops::Activation activation_ = ops::Activation::kRelu;
};

TORCH_MODULE(Adapter);

inline void AdapterImpl::reset() {
  const auto& config = options.config();
  const auto hidden = options.hidden_size(), bottleneck = options.bottleneck_size();
  TORCH_CHECK(hidden > 0 && bottleneck > 0,
              "Adapter: expected positive sizes, but got hidden size ", hidden,
              " and bottleneck size ", bottleneck);
  activation_ = ops::parse_activation(config.non_linearity);
  adapter_down = torch::nn::Sequential();
  if (config.ln_before) {
    // AdapterHub registers this LayerNorm twice, as itself and as the first of `adapter_down`: its
    // files hold both.
    adapter_norm_before = torch::nn::LayerNorm(torch::nn::LayerNormOptions({hidden}));
    adapter_down->push_back(adapter_norm_before);
    register_module("adapter_norm_before", adapter_norm_before);
  }
  down_ = torch::nn::Linear(hidden, bottleneck);
  adapter_down->push_back(down_);
  register_module("adapter_down", adapter_down);
  adapter_up = register_module("adapter_up", torch::nn::Linear(bottleneck, hidden));
  if (config.ln_after) {
    adapter_norm_after = register_module(
        "adapter_norm_after", torch::nn::LayerNorm(torch::nn::LayerNormOptions({hidden})));
  }
  if (config.use_gating) gate = register_module("gate", torch::nn::Linear(hidden, 1));
  if (config.scaling_kind != ScalingKind::kFixed) {
    const auto size = config.scaling_kind == ScalingKind::kChannel ? hidden : 1;
    scaling = register_parameter("scaling", torch::ones({size}));
  }
  reset_parameters();
}

inline void AdapterImpl::reset_parameters() {
  torch::NoGradGuard no_grad;
  const auto& kind = options.config().init_weights;
  // AdapterHub draws every adapter of a set from the same seed where one is given; 0 is none.
  std::optional<ops::TemporarySeed> seed;
  if (options.config().init_weights_seed > 0)
    seed.emplace(static_cast<uint64_t>(options.config().init_weights_seed));
  const auto truncated_normal = [](torch::Tensor weight, double std) {
    // erf^-1 of a uniform draw between the bounds' cumulative probabilities, cut at two standard
    // deviations.
    const auto bound = std::erf(2 / std::sqrt(2.0));
    weight.uniform_(-bound, bound).erfinv_().mul_(std * std::sqrt(2.0)).clamp_(-2 * std, 2 * std);
  };
  if (kind == "bert") {
    torch::nn::init::normal_(down_->weight, 0.0, 0.02);
    torch::nn::init::normal_(adapter_up->weight, 0.0, 0.02);
  } else if (kind == "mam_adapter") {
    torch::nn::init::kaiming_uniform_(down_->weight, std::sqrt(5.0));
    torch::nn::init::zeros_(adapter_up->weight);
  } else if (kind == "houlsby") {
    truncated_normal(down_->weight, 0.01);
    truncated_normal(adapter_up->weight, 0.01);
  } else {
    input_error("unknown init_weights \"", kind, "\": expected bert, mam_adapter or houlsby");
  }
  torch::nn::init::zeros_(down_->bias);
  torch::nn::init::zeros_(adapter_up->bias);
  if (gate && kind != "houlsby") {  // there AdapterHub keeps torch's own
    torch::nn::init::normal_(gate->weight, 0.0, 0.02);
    torch::nn::init::zeros_(gate->bias);
  }
}

inline void AdapterImpl::pretty_print(std::ostream& stream) const {
  stream << "madx::Adapter(hidden_size=" << options.hidden_size()
         << ", bottleneck_size=" << options.bottleneck_size()
         << ", non_linearity=" << options.config().non_linearity << ")";
}

inline AdapterImpl::Input AdapterImpl::read(const at::Tensor& h, const SiteInput& site) const {
  const auto& config = options.config();
  if (config.is_parallel) return {site.a, at::Tensor(), site.sequences};
  const auto sum = config.original_ln_before ? h + site.a : at::Tensor();
  const auto x = config.original_ln_before ? site.norm(sum) : h;
  switch (config.residual_before_ln) {
    case ResidualSource::kBeforeLayerNorm:
      return {x, h, site.sequences};
    case ResidualSource::kAfterLayerNorm:
      return {x, x, site.sequences};
    case ResidualSource::kPostAdd:
      return {x, sum.defined() ? sum : h, site.sequences};
  }
  TORCH_INTERNAL_ASSERT(false, "residual source without a case");
}

inline bool AdapterImpl::fits_site_op() const {
  const auto& config = options.config();
  return activation_ == ops::Activation::kRelu && config.original_ln_before &&
         config.original_ln_after && !config.ln_before && !config.ln_after && !config.is_parallel &&
         config.residual_before_ln == ResidualSource::kBeforeLayerNorm && !scaling.defined() &&
         config.scaling == 1.0 && !gate &&
         !(is_training() && (config.dropout > 0 || config.stochastic_depth > 0));
}

inline at::Tensor AdapterImpl::up(const Input& input) {
  const auto& config = options.config();
  const auto x = adapter_norm_before ? adapter_norm_before->forward(input.x) : input.x;
  auto y = ops::bottleneck(x, down_->weight, down_->bias, adapter_up->weight, adapter_up->bias,
                           activation_);  // (rows, hidden)
  // A parallel adapter has none in AdapterHub.
  if (config.stochastic_depth > 0 && is_training() && !config.is_parallel)
    y = ops::stochastic_depth(y, sequences_of(input), config.stochastic_depth);
  if (scaling.defined()) return y * scaling;
  return config.scaling == 1.0 ? y : y * config.scaling;
}

inline at::Tensor AdapterImpl::forward(const Input& input) {
  const auto& config = options.config();
  auto y = up(input);
  if (config.dropout > 0 && is_training()) y = ops::dropout(y, config.dropout);
  if (gate) {  // one factor a sequence: the mean over its tokens
    y = y * ops::sequence_means(at::sigmoid(gate->forward(input.x)), sequences_of(input));
  }
  const bool first_residual = input.residual.defined() && config.adapter_residual_before_ln;
  if (first_residual) y = y + input.residual;
  if (adapter_norm_after) y = adapter_norm_after->forward(y);
  if (input.residual.defined() && !first_residual) y = y + input.residual;
  return y;
}

inline at::Tensor AdapterImpl::close(const at::Tensor& y, const SiteInput& site) const {
  const auto sum = options.config().is_parallel ? y + site.f : y;
  return options.config().original_ln_after ? site.norm(sum + site.a) : sum;
}

}  // namespace madx
