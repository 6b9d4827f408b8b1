#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "madx/data/tagging_examples.h"
#include "madx/models/encoder.h"
#include "madx/models/tagging_head.h"
#include "madx/train/adapter_drop.h"
#include "madx/train/scheduled_unfreezing.h"
#include "madx/train/training_task.h"

namespace madx {

/// Tagging under the active stack: trains a task adapter and its head (or, for fine-tuning, the
/// encoder and the head).
class TaggingTask : public TrainingTask {
 public:
  /// How sentences are read and drawn.
  struct Options {
    int64_t batch_size = 16;               ///< sequences
    int64_t max_length = 128;              ///< tokens of a sequence, special ones included
    uint64_t seed = 42;                    ///< of the order of sentences
    TagScheme scheme = TagScheme::kSpans;  ///< of tags
    int64_t adapter_drop = 0;  ///< the most first layers that a batch skips (AdapterDrop)
    std::vector<std::string> fusions = {};  ///< that learn, in the bank: regularization joins
    /// The language of each training sentence, where the composition has kLanguage: batches mix
    /// them. Passed over elsewhere.
    std::vector<std::string> languages = {};
    std::vector<std::string> dev_languages = {};  ///< the same of each held-out sentence
    /// In place of the sentences' own: each training batch runs under the adapters of one of these,
    /// drawn by `draw_language`. For a composition with kLanguage.
    std::vector<std::string> train_languages = {};
    /// Steps from one layer's adapter to the next lower one (ScheduledUnfreezing); 0: all at once.
    int64_t unfreeze_every = 0;
  };

  /// `dev` may be empty: then there is no evaluation. Its F1 (of plain tags: accuracy) picks the
  /// best task adapter; over sentences of several languages it is one figure, of all their spans.
  /// Throws InputError, here or when training begins, where languages are missing or not one a
  /// sentence, and for `unfreeze_every` where no adapter learns or a fusion does.
  TaggingTask(Encoder encoder, AdapterStack adapters, TaggingHead head,
              std::shared_ptr<const Tokenizer> tokenizer, const std::vector<TaggedSentence>& train,
              std::vector<TaggedSentence> dev, Options options,
              std::vector<std::pair<std::string, at::Tensor>> trained);

  /// Batches an epoch.
  int64_t epoch_size() const;
  /// How many layers' adapters begin to learn one after the other; 0 without `unfreeze_every`.
  int64_t unfreezing_stages() const { return unfreezing_.stages(); }

  void begin_step(int64_t step) override;
  Loss loss(int64_t index) override;
  void share_with(RankGroup& ranks) override { ranks_ = &ranks; }
  std::optional<double> passes(int64_t batches) const override;
  std::optional<Evaluation> evaluate() override;
  void train(bool on) override;
  std::vector<std::pair<std::string, at::Tensor>> trained() const override { return trained_; }

  /// Batch `index` of the training: each sequence once an epoch, shuffled anew over all languages.
  TaggingBatch batch_of(int64_t index);

 private:
  /// Mean over the words; undefined where a rank has none.
  at::Tensor loss_of(const PackedBatch& batch, const at::Tensor& targets);
  /// Of the loss of a batch, what this rank's sequences have in it (see MlmTask::share_of).
  at::Tensor share_of(const TaggingBatch& whole);
  /// What would fail at the first batch, or hours later at the first evaluation.
  void check_languages() const;
  /// The sequences of batch `index`.
  std::vector<size_t> sequences_of(int64_t index);

  Encoder encoder_;
  AdapterStack adapters_;
  TaggingHead head_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  TaggingExamples examples_;
  std::vector<TaggedSentence> dev_;
  Options options_;
  AdapterDrop drop_;
  std::vector<std::pair<std::string, at::Tensor>> trained_;
  ScheduledUnfreezing unfreezing_;
  RankGroup* ranks_ = &one_process();
  std::vector<size_t> order_;
  int64_t epoch_ = -1;
};

}  // namespace madx
