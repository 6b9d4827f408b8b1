#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/linear.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "madx/adapters/rebuilt.h"
#include "madx/core/packed_batch.h"
#include "madx/ops/checks.h"

namespace madx {

/// Options for `ClassificationHead`.
struct ClassificationHeadOptions {
  /// The encoder's hidden size, and labels by id.
  ClassificationHeadOptions(int64_t hidden_size, std::vector<std::string> labels)
      : hidden_size_(hidden_size), labels_(std::move(labels)) {}
  TORCH_ARG(int64_t, hidden_size);  ///< of the encoder
  /// The classes, by id.
  TORCH_ARG(std::vector<std::string>, labels);
  TORCH_ARG(double, dropout) = 0.1;  ///< before each layer, in training
};

/// Sequence classification, AdapterHub's head "classification" with two layers: over the hidden
/// state of each sequence's first token, W_2 dropout(tanh(W_1 dropout(h) + b_1)) + b_2.
class ClassificationHeadImpl : public torch::nn::Cloneable<ClassificationHeadImpl> {
 public:
  /// Throws c10::Error for no labels.
  explicit ClassificationHeadImpl(ClassificationHeadOptions options_)
      : options(std::move(options_)) {
    reset();
  }

  /// Makes both layers anew: weights from N(0, 0.02), biases 0.
  void reset() override {
    const auto hidden = options.hidden_size();
    const auto labels = static_cast<int64_t>(options.labels().size());
    TORCH_CHECK(labels > 0, "ClassificationHead: expected at least one label");
    dense = register_module("dense", torch::nn::Linear(hidden, hidden));
    classifier = register_module("classifier", torch::nn::Linear(hidden, labels));
    for (auto& layer : {dense, classifier}) {
      torch::nn::init::normal_(layer->weight, 0.0, 0.02);
      torch::nn::init::zeros_(layer->bias);
    }
  }

  /// A copy with weights of its own, of which those learn that learn here. Cloneable's all would.
  std::shared_ptr<torch::nn::Module> clone(
      const std::optional<torch::Device>& device = std::nullopt) const override {
    return detail::rebuilt(*this, options, device);
  }
  /// One line, as in the printed form of any module.
  void pretty_print(std::ostream& stream) const override {
    stream << "madx::ClassificationHead(hidden_size=" << options.hidden_size()
           << ", labels=" << options.labels().size() << ")";
  }

  /// h (sequences, hidden), of the first tokens -> (sequences, labels)
  at::Tensor forward(const at::Tensor& h) {
    const auto drop = [&](const at::Tensor& x) {
      return at::dropout(x, options.dropout(), is_training());
    };
    return classifier->forward(drop(at::tanh(dense->forward(drop(h)))));
  }

  /// Mean cross-entropy: h (sequences, hidden), targets (sequences) int64 -> (). Throws c10::Error
  /// for no sequences and, on the CPU, for a target that is no label.
  at::Tensor loss(const at::Tensor& h, const at::Tensor& targets) {
    TORCH_CHECK(h.dim() == 2 && h.size(0) > 0 && targets.dim() == 1 && targets.size(0) == h.size(0),
                "ClassificationHead: expected hidden states (sequences, hidden) of at least one "
                "sequence and a target each, but got ",
                h.sizes(), " and ", targets.sizes());
    ops::check_numbers("ClassificationHead", "targets", targets, classifier->weight.size(0));
    return torch::nn::functional::cross_entropy(forward(h), targets);
  }

  ClassificationHeadOptions options;      ///< as it was made
  torch::nn::Linear dense{nullptr};       ///< Linear(hidden, hidden), then tanh
  torch::nn::Linear classifier{nullptr};  ///< Linear(hidden, labels)
};

TORCH_MODULE(ClassificationHead);

/// The batch with the first token of each sequence read alone, which is what a ClassificationHead
/// takes: the encoder's last layer computes no others.
inline PackedBatch read_first_tokens(PackedBatch batch) {
  const std::vector<int64_t> first(batch.offsets.begin(), batch.offsets.end() - 1);
  batch.read_rows = at::tensor(first, at::kLong).to(batch.input_ids.device());
  return batch;
}

}  // namespace madx
