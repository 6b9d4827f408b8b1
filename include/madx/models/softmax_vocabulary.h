#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "madx/models/encoder.h"

namespace madx {

/// The sub-words that masked LM's softmax is over: all of an encoder's, or some, such as those that
/// a text has. Some cost less a step, and their loss is another, not to be compared with that over
/// all: sub-words that cannot be meant take no probability.
///
/// The inputs are not concerned: a token may be replaced by any sub-word.
class SoftmaxVocabulary {
 public:
  /// All that `encoder` has.
  explicit SoftmaxVocabulary(Encoder encoder) : encoder_(std::move(encoder)) {}

  /// The sub-words `ids`, ascending. Their rows of the output embedding are gathered here, once,
  /// unless they learn; `encoder` is on its device already. Throws c10::Error for no ids, ids out
  /// of order, or beyond the encoder's vocabulary.
  SoftmaxVocabulary(Encoder encoder, const std::vector<int64_t>& ids)
      : encoder_(std::move(encoder)), on_host_(at::tensor(ids, at::kLong)) {
    TORCH_CHECK(!ids.empty(), "SoftmaxVocabulary: expected at least one sub-word, but got none");
    TORCH_CHECK(std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end(),
                "SoftmaxVocabulary: expected sub-words in ascending order, each once");
    TORCH_CHECK(ids.front() >= 0 && ids.back() < encoder_size(),
                "SoftmaxVocabulary: expected sub-words from 0 to ", encoder_size() - 1,
                ", but got ", ids.front(), " to ", ids.back());
    ids_ = on_host_.to(encoder_->device());
    if (!learns()) gathered_ = encoder_->output_embeddings(ids_);
  }

  /// Whether it is all of the encoder's.
  bool is_whole() const { return !ids_.defined(); }
  /// Sub-words that the softmax is over.
  int64_t size() const { return is_whole() ? encoder_size() : ids_.size(0); }
  /// Sub-words that the encoder has.
  int64_t encoder_size() const { return encoder_->config().vocab_size; }

  /// Their rows of the output embedding: (size, hidden). Where it learns, they are gathered anew
  /// and pass gradients on to it.
  at::Tensor embedding() const {
    if (is_whole()) return encoder_->output_embeddings();
    return gathered_.defined() && !learns() ? gathered_ : encoder_->output_embeddings(ids_);
  }

  /// Their entries of an output bias: (vocabulary) -> (size). Gradients go to these entries.
  at::Tensor bias(const at::Tensor& of_all) const {
    return is_whole() ? of_all : of_all.index_select(0, ids_);
  }

  /// Targets as places in the softmax: ids of sub-words (rows) -> (rows), on the same device.
  /// Throws c10::Error, on the CPU, for one that the softmax is not over.
  at::Tensor places(const at::Tensor& targets) const {
    if (is_whole()) return targets;
    const auto& ids = targets.is_cpu() ? on_host_ : ids_;
    const auto found = at::searchsorted(ids, targets).clamp_max(size() - 1);
    if (targets.is_cpu()) {
      const auto strange = targets.masked_select(ids.index_select(0, found) != targets);
      TORCH_CHECK(strange.numel() == 0, "SoftmaxVocabulary: expected targets among its ", size(),
                  " sub-words, but got ", strange[0].item<int64_t>(),
                  "; make it of every text that targets come from");
    }
    return found;
  }

 private:
  bool learns() const {
    const bool own = encoder_->has_own_output();
    return (own ? encoder_->output_embeddings() : encoder_->word_embeddings()).requires_grad();
  }

  Encoder encoder_;
  at::Tensor on_host_, ids_;  // (size) int64: on the CPU, where the encoder is; undefined: all
  at::Tensor gathered_;       // (size, hidden); undefined where it learns
};

}  // namespace madx
