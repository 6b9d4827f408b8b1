#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/linear.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "madx/adapters/rebuilt.h"
#include "madx/ops/batch_part.h"
#include "madx/ops/checks.h"

namespace madx {

/// Options for `TaggingHead`.
struct TaggingHeadOptions {
  /// The encoder's hidden size, and tags by id.
  TaggingHeadOptions(int64_t hidden_size, std::vector<std::string> labels)
      : hidden_size_(hidden_size), labels_(std::move(labels)) {}
  TORCH_ARG(int64_t, hidden_size);  ///< of the encoder
  /// The tags, by id.
  TORCH_ARG(std::vector<std::string>, labels);
  TORCH_ARG(double, dropout) = 0.1;  ///< before the layer, in training
};

/// Token classification: dropout, then one linear layer over the hidden state of each word's first
/// sub-word.
class TaggingHeadImpl : public torch::nn::Cloneable<TaggingHeadImpl> {
 public:
  /// Throws c10::Error for no labels.
  explicit TaggingHeadImpl(TaggingHeadOptions options_) : options(std::move(options_)) { reset(); }

  /// Makes the layer anew: weights from N(0, 0.02), bias 0.
  void reset() override {
    const auto labels = static_cast<int64_t>(options.labels().size());
    TORCH_CHECK(labels > 0, "TaggingHead: expected at least one label");
    classifier = register_module("classifier", torch::nn::Linear(options.hidden_size(), labels));
    torch::nn::init::normal_(classifier->weight, 0.0, 0.02);
    torch::nn::init::zeros_(classifier->bias);
  }

  /// A copy with weights of its own, of which those learn that learn here. Cloneable's all would.
  std::shared_ptr<torch::nn::Module> clone(
      const std::optional<torch::Device>& device = std::nullopt) const override {
    return detail::rebuilt(*this, options, device);
  }
  /// One line, as in the printed form of any module.
  void pretty_print(std::ostream& stream) const override {
    stream << "madx::TaggingHead(hidden_size=" << options.hidden_size()
           << ", labels=" << options.labels().size() << ")";
  }

  /// h (words, hidden) -> (words, labels)
  at::Tensor forward(const at::Tensor& h) {
    return classifier->forward(is_training() ? ops::dropout(h, options.dropout()) : h);
  }

  /// Mean cross-entropy: h (words, hidden), targets (words) int64 -> (). Throws c10::Error
  /// for no words and, on the CPU, for a target that is no label.
  at::Tensor loss(const at::Tensor& h, const at::Tensor& targets) {
    TORCH_CHECK(h.dim() == 2 && h.size(0) > 0 && targets.dim() == 1 && targets.size(0) == h.size(0),
                "TaggingHead: expected hidden states (words, hidden) of at least one word and a "
                "target each, but got ",
                h.sizes(), " and ", targets.sizes());
    ops::check_numbers("TaggingHead", "targets", targets, classifier->weight.size(0));
    return torch::nn::functional::cross_entropy(forward(h), targets);
  }

  TaggingHeadOptions options;             ///< as it was made
  torch::nn::Linear classifier{nullptr};  ///< Linear(hidden, labels)
};

TORCH_MODULE(TaggingHead);

}  // namespace madx
