#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "madx/adapters/fusion_config.h"
#include "madx/adapters/rebuilt.h"
#include "madx/ops/batch_part.h"

namespace madx {

/// Options for `FusionLayer`.
struct FusionLayerOptions {
  /// For this hidden size; the configuration is AdapterHub's default.
  explicit FusionLayerOptions(int64_t hidden_size) : hidden_size_(hidden_size) {}
  TORCH_ARG(FusionConfig, config);  ///< which matrices, and their rules
  TORCH_ARG(int64_t, hidden_size);  ///< of the encoder
  /// Of the scores, in training.
  TORCH_ARG(double, dropout) = 0.1;
};

/// AdapterFusion at one site (Pfeiffer et al. 2021): for each row, attention over the outputs of
/// the members' bottlenecks. Parameter names are AdapterHub's.
class FusionLayerImpl : public torch::nn::Cloneable<FusionLayerImpl> {
 public:
  /// With AdapterHub's default configuration.
  explicit FusionLayerImpl(int64_t hidden_size)
      : FusionLayerImpl(FusionLayerOptions(hidden_size)) {}
  /// By options.
  explicit FusionLayerImpl(FusionLayerOptions options_) : options(std::move(options_)) { reset(); }

  /// Makes all matrices anew by `options`, initialised.
  void reset() override;
  /// A copy with weights of its own, of which those learn that learn here. Cloneable's all would.
  std::shared_ptr<torch::nn::Module> clone(
      const std::optional<torch::Device>& device = std::nullopt) const override {
    return detail::rebuilt(*this, options, device);
  }
  /// One line, as in the printed form of any module.
  void pretty_print(std::ostream& stream) const override {
    stream << "madx::FusionLayer(hidden_size=" << options.hidden_size() << ")";
  }

  /// With q = W_q x + b_q and k_i = W_k u_i + b_k:
  ///
  ///     W_v sum_i softmax_i(dropout(q . k_i) / T) u_i + residual
  ///
  /// `steps` of the optimizer are done. x, residual (rows, hidden); `outputs`, u_i, one a member:
  /// (rows, hidden) -> (rows, hidden)
  at::Tensor forward(const at::Tensor& x, const std::vector<at::Tensor>& outputs,
                     const at::Tensor& residual, int64_t steps = 0);

  /// How much each member counts in each row, without dropout: (rows, members).
  at::Tensor attention(const at::Tensor& x, const std::vector<at::Tensor>& outputs,
                       const at::Tensor& residual, int64_t steps = 0);

  /// T, by which scores are divided: 1, or with `temperature` in the configuration a function of
  /// the optimizer steps done, 50 at first and 0.05 less after each, down to 1. Forward passes
  /// count nothing: a pass that is computed again, for one, must give what it gave.
  double temperature(int64_t steps) const;

  /// 0.01 ||I - W_v||^2: what training adds to the loss. Undefined where it is not configured or
  /// W_v does not learn.
  at::Tensor regularization_loss() const;

  FusionLayerOptions options;        ///< as it was made
  torch::nn::Linear query{nullptr};  ///< Linear(hidden, hidden); empty where it is configured away
  torch::nn::Linear key{nullptr};    ///< the same, of members' outputs
  torch::nn::Linear value{nullptr};  ///< the same, without bias
  /// AdapterHub makes this layer where there is no other, and never calls it.
  torch::nn::Linear dense{nullptr};

 private:
  at::Tensor stacked(const std::vector<at::Tensor>& outputs, const at::Tensor& residual) const;
  at::Tensor scores(const at::Tensor& x, const at::Tensor& stacked);
};

TORCH_MODULE(FusionLayer);

inline void FusionLayerImpl::reset() {
  const auto& config = options.config();
  const auto hidden = options.hidden_size();
  const auto linear = [&](const char* name, bool bias) {
    auto layer = register_module(
        name, torch::nn::Linear(torch::nn::LinearOptions(hidden, hidden).bias(bias)));
    torch::nn::init::normal_(layer->weight, 0.0, 0.02);
    if (bias) torch::nn::init::zeros_(layer->bias);
    return layer;
  };
  if (!config.query && !config.key && !config.value)
    dense = register_module("dense", torch::nn::Linear(hidden, 1));
  if (config.query) query = linear("query", /*bias=*/true);
  if (config.key) key = linear("key", /*bias=*/true);
  if (config.value) {
    value = linear("value", /*bias=*/false);
    if (config.value_initialized) {
      constexpr double kBesideTheDiagonal = 1e-6;
      torch::NoGradGuard no_grad;
      value->weight.fill_(kBesideTheDiagonal).fill_diagonal_(1.0);
    }
  }
}

inline double FusionLayerImpl::temperature(int64_t steps) const {
  constexpr double kHighest = 50, kStepsToZero = 1000;
  if (!options.config().temperature) return 1;
  return std::max(1.0, kHighest - kHighest / kStepsToZero * static_cast<double>(steps));
}

inline at::Tensor FusionLayerImpl::stacked(const std::vector<at::Tensor>& outputs,
                                           const at::Tensor& residual) const {
  TORCH_CHECK(!outputs.empty(), "FusionLayer: expected the output of at least one member");
  const auto u = at::stack(outputs, /*dim=*/1);  // (rows, members, hidden)
  return options.config().residual_before ? u + residual.unsqueeze(1) : u;
}

inline at::Tensor FusionLayerImpl::scores(const at::Tensor& x, const at::Tensor& u) {
  auto q = query ? query->forward(x) : x;  // (rows, hidden)
  at::Tensor shift;
  if (key) {  // q . (W u + b) = (q W) . u + q . b: one product a row, for any number of members
    shift = at::matmul(q, key->bias).unsqueeze(1);
    q = at::matmul(q, key->weight);
  }
  const auto product = at::matmul(u, q.unsqueeze(2)).squeeze(2);  // (rows, members)
  return shift.defined() ? product + shift : product;
}

inline at::Tensor FusionLayerImpl::attention(const at::Tensor& x,
                                             const std::vector<at::Tensor>& outputs,
                                             const at::Tensor& residual, int64_t steps) {
  return at::softmax(scores(x, stacked(outputs, residual)) / temperature(steps), /*dim=*/1);
}

inline at::Tensor FusionLayerImpl::forward(const at::Tensor& x,
                                           const std::vector<at::Tensor>& outputs,
                                           const at::Tensor& residual, int64_t steps) {
  const auto u = stacked(outputs, residual);  // (rows, members, hidden)
  auto dropped = scores(x, u);
  if (is_training()) dropped = ops::dropout(dropped, options.dropout());
  const auto weights = at::softmax(dropped / temperature(steps), /*dim=*/1);  // (rows, members)
  auto y = at::matmul(weights.unsqueeze(1), u).squeeze(1);                    // (rows, hidden)
  if (value) y = value->forward(y);
  return options.config().residual_before ? y : y + residual;
}

inline at::Tensor FusionLayerImpl::regularization_loss() const {
  if (!value || !options.config().regularization || !value->weight.requires_grad()) return {};
  constexpr double kFactor = 0.01;
  const auto identity = at::eye(options.hidden_size(), value->weight.options());
  return kFactor * (identity - value->weight).pow(2).sum();
}

}  // namespace madx
