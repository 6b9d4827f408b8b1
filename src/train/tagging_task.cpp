#include "madx/train/tagging_task.h"

#include <algorithm>
#include <numeric>

#include "madx/core/error.h"
#include "madx/core/plain_text.h"
#include "madx/core/upload.h"
#include "madx/data/masking.h"
#include "madx/train/language_draw.h"
#include "madx/train/predict_tags.h"
#include "train/rank_part.h"

namespace madx {
namespace {

void require_one_each(const char* option, const std::vector<std::string>& languages,
                      size_t sentences) {
  if (languages.empty() || languages.size() == sentences) return;
  input_error("TaggingTask: expected ", option, " of ", sentences, " sentences, but found ",
              languages.size());
}

}  // namespace

TaggingTask::TaggingTask(Encoder encoder, AdapterStack adapters, TaggingHead head,
                         std::shared_ptr<const Tokenizer> tokenizer,
                         const std::vector<TaggedSentence>& train, std::vector<TaggedSentence> dev,
                         Options options, std::vector<std::pair<std::string, at::Tensor>> trained)
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

int64_t TaggingTask::epoch_size() const {
  return (static_cast<int64_t>(examples_.size()) + options_.batch_size - 1) / options_.batch_size;
}

void TaggingTask::begin_step(int64_t step) {
  unfreezing_.begin_step(step);
  if (options_.fusions.empty()) return;
  auto options = adapters_->options();
  for (const auto& name : options_.fusions) options.fusion_steps()[name] = step;
  adapters_->use(options);
}

TrainingTask::Loss TaggingTask::loss(int64_t index) {
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

std::optional<double> TaggingTask::passes(int64_t batches) const {
  return static_cast<double>(batches) / static_cast<double>(epoch_size());
}

std::optional<TrainingTask::Evaluation> TaggingTask::evaluate() {
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

void TaggingTask::train(bool on) {
  if (on) check_languages();
  drop_.restore();
  encoder_->train(on);
  adapters_->train(on);
  head_->train(on);
}

TaggingBatch TaggingTask::batch_of(int64_t index) {
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

at::Tensor TaggingTask::loss_of(const PackedBatch& batch, const at::Tensor& targets) {
  const auto device = encoder_->device();
  const auto hidden = encoder_->forward(batch.to(device), *adapters_);  // (words, hidden)
  if (targets.numel() > 0 || ranks_->count() == 1)
    return head_->loss(hidden, upload(targets, device));
  head_->forward(hidden);  // draws as many random numbers as on other ranks
  return {};
}

at::Tensor TaggingTask::share_of(const TaggingBatch& whole) {
  const auto part = detail::part_of_rank(whole.batch, *ranks_);
  const ops::PartRows words{part.read, whole.targets.numel()};
  const ops::PartScope scope(&words);  // of the head's dropout; the encoder has its own
  const auto mean = loss_of(part.batch, whole.targets.index_select(0, part.read));
  if (!mean.defined()) return mean;
  return mean * (static_cast<double>(part.read.numel()) / static_cast<double>(words.whole_rows));
}

void TaggingTask::check_languages() const {
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

std::vector<size_t> TaggingTask::sequences_of(int64_t index) {
  const auto epoch = index / epoch_size();
  if (epoch != epoch_) {
    // LineOrder's order, but that above its table's size it draws another: runs resume by this one.
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

}  // namespace madx
