#pragma once

#include <torch/nn/module.h>

#include <string>
#include <vector>

#include "madx/adapters/adapter_stack.h"
#include "madx/models/encoder_config.h"
#include "madx/models/packed_batch.h"

namespace madx {

/// Weight and bias of a frozen linear layer.
struct FrozenLinear {
  at::Tensor weight;  // (out, in)
  at::Tensor bias;    // (out)
  at::Tensor operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }
};

/// One layer of the encoder (post-LayerNorm, as in BERT and XLM-R), with a site for adapters after
/// attention and after the feed-forward block.
class EncoderLayerImpl : public torch::nn::Module {
 public:
  EncoderLayerImpl(const EncoderConfig& config, int64_t index) : config_(config), index_(index) {}

  /// Registers a weight. Query, key and value arrive as one packed `qkv`.
  void set(const std::string& name, FrozenLinear EncoderLayerImpl::*linear, at::Tensor weight,
           at::Tensor bias);
  void set(const std::string& name, FrozenLayerNorm EncoderLayerImpl::*norm, at::Tensor weight,
           at::Tensor bias);

  /// x (rows, hidden) -> (rows, hidden), or (read, hidden) where `read_rows` is given: keys and
  /// values still come from every row. `read_offsets` are the sequences' boundaries within
  /// read_rows.
  at::Tensor forward(const at::Tensor& x, const ops::RowOffsets& offsets,
                     const at::Tensor& read_rows, const ops::RowOffsets& read_offsets,
                     const AdapterStackImpl& adapters) const;

  FrozenLinear qkv, attention_output, intermediate, output;
  FrozenLayerNorm attention_norm, output_norm;

 private:
  at::Tensor dropout(const at::Tensor& x) const {
    return is_training() && config_.hidden_dropout_prob > 0
               ? at::dropout(x, config_.hidden_dropout_prob, /*train=*/true)
               : x;
  }

  EncoderConfig config_;
  int64_t index_;
};

TORCH_MODULE(EncoderLayer);

inline void EncoderLayerImpl::set(const std::string& name, FrozenLinear EncoderLayerImpl::*linear,
                                  at::Tensor weight, at::Tensor bias) {
  this->*linear = {register_parameter(name + "_weight", std::move(weight), /*requires_grad=*/false),
                   register_parameter(name + "_bias", std::move(bias), /*requires_grad=*/false)};
}

inline void EncoderLayerImpl::set(const std::string& name, FrozenLayerNorm EncoderLayerImpl::*norm,
                                  at::Tensor weight, at::Tensor bias) {
  this->*norm = {register_parameter(name + "_weight", std::move(weight), /*requires_grad=*/false),
                 register_parameter(name + "_bias", std::move(bias), /*requires_grad=*/false),
                 config_.layer_norm_eps};
}

inline at::Tensor EncoderLayerImpl::forward(const at::Tensor& x, const ops::RowOffsets& offsets,
                                            const at::Tensor& read_rows,
                                            const ops::RowOffsets& read_offsets,
                                            const AdapterStackImpl& adapters) const {
  const auto hidden = config_.hidden_size;
  const auto attention_dropout = is_training() ? config_.attention_probs_dropout_prob : 0.0;
  at::Tensor q, k, v;
  auto residual = x;
  if (read_rows.defined()) {
    residual = x.index_select(0, read_rows);  // (read, hidden)
    q = at::linear(residual, qkv.weight.narrow(0, 0, hidden), qkv.bias.narrow(0, 0, hidden));
    const auto kv = at::linear(x, qkv.weight.narrow(0, hidden, 2 * hidden),
                               qkv.bias.narrow(0, hidden, 2 * hidden));  // (rows, 2 * hidden)
    k = kv.narrow(1, 0, hidden);
    v = kv.narrow(1, hidden, hidden);
  } else {
    const auto packed = qkv(x);  // (rows, 3 * hidden)
    q = packed.narrow(1, 0, hidden);
    k = packed.narrow(1, hidden, hidden);
    v = packed.narrow(1, 2 * hidden, hidden);
  }
  const auto attended =
      ops::packed_attention(q, k, v, read_rows.defined() ? read_offsets : offsets, offsets,
                            config_.num_attention_heads, attention_dropout);
  const auto a = adapters.forward(index_, Site::kAttentionOutput,
                                  {dropout(attention_output(attended)), residual, attention_norm});
  const auto f = dropout(output(at::gelu(intermediate(a))));
  return adapters.forward(index_, Site::kOutput, {f, a, output_norm});
}

}  // namespace madx
