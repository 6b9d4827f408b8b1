#pragma once

#include <torch/nn/module.h>

#include <algorithm>
#include <string>
#include <vector>

#include "madx/adapters/site_forward.h"
#include "madx/core/packed_batch.h"
#include "madx/models/encoder_config.h"
#include "madx/ops/bfloat16_weight.h"
#include "madx/ops/frozen_linear.h"
#include "madx/ops/int8_weight.h"
#include "madx/ops/packed_attention.h"

namespace madx {

using ops::FrozenLinear;
using ops::WeightForm;

/// One layer of the encoder (post-LayerNorm, as in BERT and XLM-R), with a site for adapters after
/// attention and after the feed-forward block.
class EncoderLayerImpl : public torch::nn::Module {
 public:
  /// Layer `index` of an encoder; weights come by `set`.
  EncoderLayerImpl(const EncoderConfig& config, int64_t index) : config_(config), index_(index) {}

  /// Registers a weight, after it was brought into `form`. Query, key and value arrive as one,
  /// `qkv`. In int8, `exact` columns of the input stay in float32.
  void set(const std::string& name, FrozenLinear EncoderLayerImpl::*linear, at::Tensor weight,
           at::Tensor bias, WeightForm form, std::vector<int32_t> exact = {});
  /// The same for a LayerNorm: weight (hidden), bias (hidden).
  void set(const std::string& name, FrozenLayerNorm EncoderLayerImpl::*norm, at::Tensor weight,
           at::Tensor bias);

  /// x (rows, hidden) -> (rows, hidden), or (read, hidden) where `read_rows` is given: keys and
  /// values still come from every row. `read_offsets` are the sequences' boundaries within
  /// read_rows, `groups` the paths of the rows that come out.
  at::Tensor forward(const at::Tensor& x, const RowOffsets& offsets, const at::Tensor& read_rows,
                     const RowOffsets& read_offsets, const std::vector<RowGroup>& groups) const;

  /// Whether linear layers of float32 round weights and rows to bfloat16 as they meet.
  void round_products(bool rounds) {
    for (auto* linear : {&qkv, &attention_output, &intermediate, &output}) linear->rounds = rounds;
  }

  /// Whether a weight of the layer or of what acts at its sites learns.
  bool learns(const std::vector<RowGroup>& groups) const {
    const auto weights = parameters();
    return std::any_of(groups.begin(), groups.end(),
                       [&](const RowGroup& group) { return group.path->learns(index_); }) ||
           std::any_of(weights.begin(), weights.end(),
                       [](const at::Tensor& weight) { return weight.requires_grad(); });
  }

  FrozenLinear qkv;                ///< (3 hidden, hidden): query, key and value as one
  FrozenLinear attention_output;   ///< (hidden, hidden)
  FrozenLinear intermediate;       ///< (intermediate, hidden)
  FrozenLinear output;             ///< (hidden, intermediate)
  FrozenLayerNorm attention_norm;  ///< closes attention
  FrozenLayerNorm output_norm;     ///< closes the feed-forward block

 private:
  EncoderConfig config_;
  int64_t index_;
};

TORCH_MODULE(EncoderLayer);

inline void EncoderLayerImpl::set(const std::string& name, FrozenLinear EncoderLayerImpl::*linear,
                                  at::Tensor weight, at::Tensor bias, WeightForm form,
                                  std::vector<int32_t> exact) {
  std::shared_ptr<const ops::PackedWeight> packed;
  if (form == WeightForm::kPackedBfloat16) packed = std::make_shared<ops::Bfloat16Weight>(weight);
  if (form == WeightForm::kInt8)
    packed = std::make_shared<ops::Int8Weight>(weight, std::move(exact));
  if (packed) {
    this->*linear = {at::Tensor(), register_parameter(name + "_bias", std::move(bias), false),
                     std::move(packed)};
    return;
  }
  if (form == WeightForm::kBfloat16) weight = weight.to(at::kBFloat16);
  this->*linear = {register_parameter(name + "_weight", std::move(weight), /*requires_grad=*/false),
                   register_parameter(name + "_bias", std::move(bias), /*requires_grad=*/false)};
}

inline void EncoderLayerImpl::set(const std::string& name, FrozenLayerNorm EncoderLayerImpl::*norm,
                                  at::Tensor weight, at::Tensor bias) {
  this->*norm = {register_parameter(name + "_weight", std::move(weight), /*requires_grad=*/false),
                 register_parameter(name + "_bias", std::move(bias), /*requires_grad=*/false),
                 config_.layer_norm_eps};
}

inline at::Tensor EncoderLayerImpl::forward(const at::Tensor& x, const RowOffsets& offsets,
                                            const at::Tensor& read_rows,
                                            const RowOffsets& read_offsets,
                                            const std::vector<RowGroup>& groups) const {
  const auto hidden = config_.hidden_size;
  const auto attention_dropout = is_training() ? config_.attention_probs_dropout_prob : 0.0;
  const auto hidden_dropout = is_training() ? config_.hidden_dropout_prob : 0.0;
  const auto heads = config_.num_attention_heads;
  at::Tensor attended;
  auto residual = x;
  if (read_rows.defined()) {
    residual = x.index_select(0, read_rows);  // (read, hidden)
    const auto q = ops::frozen_linear(residual, qkv.narrow(0, hidden));
    const auto kv = ops::frozen_linear(x, qkv.narrow(hidden, 2 * hidden));  // (rows, 2 * hidden)
    attended = ops::packed_attention(q, kv, read_offsets, offsets, heads, attention_dropout);
  } else {
    attended = ops::packed_attention(ops::frozen_linear(x, qkv), offsets, heads, attention_dropout);
  }
  const auto a = site_forward(
      index_, Site::kAttentionOutput,
      {ops::frozen_linear(attended, attention_output), residual, attention_norm, hidden_dropout},
      groups);
  const auto f = ops::feed_forward(a, intermediate, output);
  return site_forward(index_, Site::kOutput, {f, a, output_norm, hidden_dropout}, groups);
}

}  // namespace madx
