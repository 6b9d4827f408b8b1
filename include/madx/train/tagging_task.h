#pragma once

#include <functional>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "madx/core/plain_text.h"
#include "madx/data/masking.h"
#include "madx/data/tagging_examples.h"
#include "madx/eval/accuracy.h"
#include "madx/eval/span_f1.h"
#include "madx/models/batch_part.h"
#include "madx/models/encoder.h"
#include "madx/models/tagging_head.h"
#include "madx/train/adapter_drop.h"
#include "madx/train/language_draw.h"
#include "madx/train/scheduled_unfreezing.h"
#include "madx/train/training_task.h"

namespace madx {

/// Tags sentences under the composition that is active: predictions for every word, dropout off.
/// Returns the head's labels (IOB2 or plain tags), a vector a sentence. `languages` has one name a
/// sentence where the composition has kLanguage: batches may mix them. `between_batches` is called
/// before each batch, where it is set: what it throws ends the work.
inline std::vector<std::vector<std::string>> predict_tags(
    Encoder encoder, AdapterStack adapters, TaggingHead head, const Tokenizer& tokenizer,
    const std::vector<TaggedSentence>& sentences, int64_t max_length, int64_t batch_size,
    const std::vector<std::string>& languages = {},
    const std::function<void()>& between_batches = {}) {
  TORCH_CHECK(batch_size >= 1, "predict_tags: expected batch_size of at least 1, but got ",
              batch_size);
  torch::NoGradGuard no_grad;
  encoder->eval();
  adapters->eval();
  head->eval();
  const auto& labels = head->options.labels();
  const TaggingExamples examples(sentences, tokenizer, labels, max_length, UnknownTags::kMarked,
                                 TagScheme::kPlain);  // whose own tags count for nothing here
  std::vector<std::vector<std::string>> predicted;
  for (const auto& sentence : sentences) predicted.emplace_back(sentence.tokens.size());
  for (size_t first = 0; first < examples.size(); first += static_cast<size_t>(batch_size)) {
    if (between_batches) between_batches();
    std::vector<size_t> sequences(
        std::min(static_cast<size_t>(batch_size), examples.size() - first));
    std::iota(sequences.begin(), sequences.end(), first);
    auto batch = examples.batch(sequences);
    for (const auto sentence : batch.sentences)
      if (!languages.empty()) batch.batch.languages.push_back(languages.at(sentence));
    const auto hidden =
        encoder->forward(batch.batch.to(encoder->device()), *adapters);  // (words, hidden)
    const auto best = head->forward(hidden).argmax(/*dim=*/1).cpu();
    for (size_t i = 0; i < batch.words.size(); ++i) {
      const auto [sentence, word] = batch.words[i];
      predicted[sentence][word] =
          labels[static_cast<size_t>(best[static_cast<int64_t>(i)].item<int64_t>())];
    }
  }
  return predicted;
}

/// Percent of the tokens whose plain tag is predicted.
inline double plain_accuracy(const std::vector<TaggedSentence>& sentences,
                             const std::vector<std::vector<std::string>>& predicted) {
  std::vector<std::vector<std::string>> gold;
  for (const auto& sentence : sentences) gold.push_back(sentence.tags);
  return tag_accuracy(gold, predicted);
}

/// Exact-span scores of `predicted` against the sentences' own tags.
inline NerScores score_tags(const std::vector<TaggedSentence>& sentences,
                            const std::vector<std::vector<std::string>>& predicted) {
  std::vector<std::vector<std::string>> gold;
  for (const auto& sentence : sentences) gold.push_back(sentence.tags);
  return span_f1(gold, predicted);
}

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
              std::vector<std::pair<std::string, at::Tensor>> trained)
      : encoder_(std::move(encoder)),
        adapters_(std::move(adapters)),
        head_(std::move(head)),
        tokenizer_(std::move(tokenizer)),
        examples_(train, *tokenizer_, head_->options.labels(), options.max_length,
                  UnknownTags::kRefused, options.scheme),
        dev_(std::move(dev)),
        options_(std::move(options)),
        drop_(adapters_, options_.adapter_drop, options_.seed),
        trained_(std::move(trained)),
        unfreezing_(adapters_, trained_, options_.unfreeze_every),
        order_(examples_.size()) {
    TORCH_CHECK(options_.batch_size >= 1 && examples_.size() > 0,
                "TaggingTask: expected batch_size of at least 1 and a sentence to learn from, but "
                "got ",
                options_.batch_size, " and ", examples_.size());
    require_one_each("languages", options_.languages, train.size());
    require_one_each("dev_languages", options_.dev_languages, dev_.size());
    if (options_.unfreeze_every > 0 && !options_.fusions.empty()) {
      input_error("TaggingTask: expected unfreeze_every 0 beside fusions that learn, but found ",
                  options_.unfreeze_every);
    }
  }

  /// Batches an epoch.
  int64_t epoch_size() const {
    return (static_cast<int64_t>(examples_.size()) + options_.batch_size - 1) / options_.batch_size;
  }

  /// How many layers' adapters begin to learn one after the other; 0 without `unfreeze_every`.
  int64_t unfreezing_stages() const { return unfreezing_.stages(); }

  void begin_step(int64_t step) override {
    unfreezing_.begin_step(step);
    if (options_.fusions.empty()) return;
    auto options = adapters_->options();
    for (const auto& name : options_.fusions) options.fusion_steps()[name] = step;
    adapters_->use(options);
  }

  Loss loss(int64_t index) override {
    drop_.draw(index);
    const auto batch = batch_of(index);
    auto value = ranks_->count() > 1 ? share_of(batch) : loss_of(batch.batch, batch.targets);
    for (const auto& name : options_.fusions) {
      const auto regularization = adapters_->get_fusion(name)->regularization_loss();
      if (!regularization.defined() || !ranks_->is_first()) continue;
      value = value.defined() ? value + regularization : regularization;
    }
    return {value, batch.batch.rows()};
  }

  void share_with(RankGroup& ranks) override { ranks_ = &ranks; }

  std::optional<double> passes(int64_t batches) const override {
    return static_cast<double>(batches) / static_cast<double>(epoch_size());
  }

  std::optional<Evaluation> evaluate() override {
    if (dev_.empty()) return std::nullopt;
    drop_.restore();
    const auto predicted =
        predict_tags(encoder_, adapters_, head_, *tokenizer_, dev_, options_.max_length,
                     options_.batch_size, options_.dev_languages);
    Evaluation evaluation;
    if (options_.scheme == TagScheme::kPlain) {
      evaluation.score = evaluation.figures.extra["dev_accuracy"] = plain_accuracy(dev_, predicted);
      evaluation.summary = "dev accuracy " + fixed_text(evaluation.score, /*decimals=*/2);
      return evaluation;
    }
    const auto scores = score_tags(dev_, predicted);
    evaluation.score = scores.micro.f1;
    evaluation.figures.extra["dev_f1"] = scores.micro.f1;
    evaluation.summary = "dev F1 " + fixed_text(scores.micro.f1, /*decimals=*/2);
    return evaluation;
  }

  void train(bool on) override {
    if (on) check_languages();
    drop_.restore();
    encoder_->train(on);
    adapters_->train(on);
    head_->train(on);
  }

  std::vector<std::pair<std::string, at::Tensor>> trained() const override { return trained_; }

  /// Batch `index` of the training: each sequence once an epoch, shuffled anew over all languages.
  TaggingBatch batch_of(int64_t index) {
    auto batch = examples_.batch(sequences_of(index));
    auto& languages = batch.batch.languages;
    if (!options_.train_languages.empty()) {
      languages.assign(batch.sentences.size(),
                       draw_language(options_.train_languages, options_.seed, index));
    } else if (!options_.languages.empty()) {
      for (const auto sentence : batch.sentences) languages.push_back(options_.languages[sentence]);
    }
    return batch;
  }

 private:
  /// Mean over the words; undefined where a rank has none.
  at::Tensor loss_of(const PackedBatch& batch, const at::Tensor& targets) {
    const auto device = encoder_->device();
    const auto hidden = encoder_->forward(batch.to(device), *adapters_);  // (words, hidden)
    if (targets.numel() > 0 || ranks_->count() == 1)
      return head_->loss(hidden, upload(targets, device));
    head_->forward(hidden);  // draws as many random numbers as on other ranks
    return {};
  }

  /// Of the loss of a batch, what this rank's sequences have in it (see MlmTask::share_of).
  at::Tensor share_of(const TaggingBatch& whole) {
    const auto shares = share_out(whole.batch.offsets, static_cast<size_t>(ranks_->count()));
    const auto part = take_part(whole.batch, shares[static_cast<size_t>(ranks_->rank())]);
    const ops::PartRows words{part.read, whole.targets.numel()};
    const ops::PartScope scope(&words);  // of the head's dropout; the encoder has its own
    const auto mean = loss_of(part.batch, whole.targets.index_select(0, part.read));
    if (!mean.defined()) return mean;
    return mean * (static_cast<double>(part.read.numel()) / static_cast<double>(words.whole_rows));
  }

  static void require_one_each(const char* option, const std::vector<std::string>& languages,
                               size_t sentences) {
    if (languages.empty() || languages.size() == sentences) return;
    input_error("TaggingTask: expected ", option, " of ", sentences, " sentences, but found ",
                languages.size());
  }

  /// What would fail at the first batch, or hours later at the first evaluation.
  void check_languages() const {
    if (!adapters_->wants_languages()) {
      if (options_.train_languages.empty()) return;
      input_error("TaggingTask: expected a composition with ", kLanguage,
                  " for train_languages, but found ", to_string(adapters_->composition()));
    }
    const auto require = [](bool holds, const char* option) {
      if (!holds)
        input_error("TaggingTask: expected ", option, " for a composition with ", kLanguage,
                    ", but found none");
    };
    require(!options_.languages.empty() || !options_.train_languages.empty(), "languages");
    require(!options_.dev_languages.empty() || dev_.empty(), "dev_languages");
  }

  /// The sequences of batch `index`.
  std::vector<size_t> sequences_of(int64_t index) {
    const auto epoch = index / epoch_size();
    if (epoch != epoch_) {
      std::iota(order_.begin(), order_.end(), size_t{0});
      RandomStream random(mix_seeds({options_.seed, static_cast<uint64_t>(epoch)}));
      for (auto left = order_.size(); left > 1; --left) {
        std::swap(order_[left - 1],
                  order_[static_cast<size_t>(random.below(static_cast<int64_t>(left)))]);
      }
      epoch_ = epoch;
    }
    const auto first = static_cast<size_t>((index % epoch_size()) * options_.batch_size);
    const auto last = std::min(order_.size(), first + static_cast<size_t>(options_.batch_size));
    return {order_.begin() + static_cast<int64_t>(first),
            order_.begin() + static_cast<int64_t>(last)};
  }

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
