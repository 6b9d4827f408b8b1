#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <memory>
#include <optional>

#include "madx/adapters/adapter_stack.h"
#include "madx/adapters/rebuilt.h"
#include "madx/core/upload.h"
#include "madx/models/routed_batch.h"
#include "madx/models/softmax_vocabulary.h"
#include "madx/ops/linear_cross_entropy.h"

namespace madx {

/// Options for `MlmHead`.
struct MlmHeadOptions {
  /// The encoder's sizes.
  MlmHeadOptions(int64_t hidden_size, int64_t vocab_size)
      : hidden_size_(hidden_size), vocab_size_(vocab_size) {}
  TORCH_ARG(int64_t, hidden_size);           ///< of the encoder
  TORCH_ARG(int64_t, vocab_size);            ///< of the encoder: entries of the output bias
  TORCH_ARG(double, layer_norm_eps) = 1e-5;  ///< of the head's LayerNorm
};

/// The masked-LM head of XLM-R and BERT: dense, gelu, LayerNorm, output embedding, output bias; for
/// a language with an invertible adapter, its inverse stands before the output embedding (MAD-X
/// section 4.3):
///
///     logits = E inv(LN(gelu(W h + b))) + b_out
///
/// The output embedding E is the encoder's (`output_embeddings`), as a rule its input embedding; it
/// is passed in and never part of the head. Where it learns, it gets its gradient.
class MlmHeadImpl : public torch::nn::Cloneable<MlmHeadImpl> {
 public:
  /// By options.
  explicit MlmHeadImpl(MlmHeadOptions options_) : options(std::move(options_)) { reset(); }

  /// Makes all layers anew: weights from N(0, 0.02), biases 0.
  void reset() override {
    const auto hidden = options.hidden_size();
    dense = register_module("dense", torch::nn::Linear(hidden, hidden));
    norm = register_module(
        "norm",
        torch::nn::LayerNorm(torch::nn::LayerNormOptions({hidden}).eps(options.layer_norm_eps())));
    bias = register_parameter("bias", torch::zeros({options.vocab_size()}));
    torch::nn::init::normal_(dense->weight, 0.0, 0.02);
    torch::nn::init::zeros_(dense->bias);
  }

  /// A copy with weights of its own, of which those learn that learn here. Cloneable's all would.
  std::shared_ptr<torch::nn::Module> clone(
      const std::optional<torch::Device>& device = std::nullopt) const override {
    return detail::rebuilt(*this, options, device);
  }
  /// One line, as in the printed form of any module.
  void pretty_print(std::ostream& stream) const override {
    stream << "madx::MlmHead(hidden_size=" << options.hidden_size()
           << ", vocab_size=" << options.vocab_size() << ")";
  }

  /// What meets the output embedding: h (rows, hidden) -> (rows, hidden). `invertible` may be
  /// nullptr.
  at::Tensor transform(const at::Tensor& h, InvertibleAdapterImpl* invertible) {
    const auto x = norm->forward(at::gelu(dense->forward(h)));
    return invertible == nullptr ? x : invertible->inverse(x);
  }

  /// The same under a plan: each row of `batch` that was read meets the inverse of its own
  /// language. h is what the encoder made of `batch`.
  at::Tensor transform(const at::Tensor& h, const Plan& plan, const PackedBatch& batch) {
    const auto x = norm->forward(at::gelu(dense->forward(h)));
    const auto routed = route(batch, plan);
    return routed.restore(detail::through_invertible(routed.reorder(x), routed.read_groups,
                                                     /*inverse=*/true));
  }

  /// h (rows, hidden), embedding (vocabulary, hidden) -> (rows, vocabulary). For looking at;
  /// training uses `loss`, which never holds a logits matrix. Throws c10::Error where shapes
  /// disagree, as all of these do.
  at::Tensor logits(const at::Tensor& h, const at::Tensor& embedding,
                    InvertibleAdapterImpl* invertible) {
    return at::linear(transform(h, invertible), embedding.to(h.scalar_type()), bias);
  }

  /// Mean cross-entropy at masked positions: h (masked, hidden), embedding (vocabulary, hidden),
  /// targets (masked) int64 -> (). Throws c10::Error for a target outside the vocabulary, too.
  at::Tensor loss(const at::Tensor& h, const at::Tensor& embedding, const at::Tensor& targets,
                  InvertibleAdapterImpl* invertible) {
    return ops::linear_cross_entropy(transform(h, invertible), embedding, bias, targets);
  }

  /// The same two under a plan. Under a parallel block `targets` are those of every channel.
  at::Tensor logits(const at::Tensor& h, const at::Tensor& embedding, const Plan& plan,
                    const PackedBatch& batch) {
    return at::linear(transform(h, plan, batch), embedding.to(h.scalar_type()), bias);
  }
  /// The same as `loss` above, of every channel.
  at::Tensor loss(const at::Tensor& h, const at::Tensor& embedding, const at::Tensor& targets,
                  const Plan& plan, const PackedBatch& batch) {
    return ops::linear_cross_entropy(transform(h, plan, batch), embedding, bias, targets);
  }

  /// The same over the encoder's sub-words or some of them. `targets` are ids of sub-words, on any
  /// device; entries of `bias` and rows of an output embedding that learns beyond the softmax get
  /// no gradient by it.
  at::Tensor loss(const at::Tensor& h, const SoftmaxVocabulary& vocabulary,
                  const at::Tensor& targets, const Plan& plan, const PackedBatch& batch) {
    const auto x = transform(h, plan, batch);
    return ops::linear_cross_entropy(x, vocabulary.embedding(), vocabulary.bias(bias),
                                     upload(vocabulary.places(targets), x.device()));
  }

  MlmHeadOptions options;              ///< as it was made
  torch::nn::Linear dense{nullptr};    ///< W, b: Linear(hidden, hidden), then gelu
  torch::nn::LayerNorm norm{nullptr};  ///< LN
  torch::Tensor bias;                  ///< (vocabulary)
};

TORCH_MODULE(MlmHead);

}  // namespace madx
