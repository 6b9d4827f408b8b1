#include "madx/train/predict_tags.h"

#include <torch/utils.h>

#include <algorithm>
#include <numeric>

#include "madx/core/error.h"
#include "madx/data/tagging_examples.h"
#include "madx/eval/accuracy.h"

namespace madx {
namespace {

std::vector<std::vector<std::string>> tags_of(const std::vector<TaggedSentence>& sentences) {
  std::vector<std::vector<std::string>> tags;
  for (const auto& sentence : sentences) tags.push_back(sentence.tags);
  return tags;
}

}  // namespace

std::vector<std::vector<std::string>> predict_tags(Encoder encoder, AdapterStack adapters,
                                                   TaggingHead head, const Tokenizer& tokenizer,
                                                   const std::vector<TaggedSentence>& sentences,
                                                   int64_t max_length, int64_t batch_size,
                                                   const std::vector<std::string>& languages,
                                                   const std::function<void()>& between_batches) {
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
    if (hidden.size(0) != static_cast<int64_t>(batch.words.size()))
      input_error("predict_tags: expected a composition that gives each word one tag, but found ",
                  to_string(adapters->composition()));
    const auto best = head->forward(hidden).argmax(/*dim=*/1).cpu();
    for (size_t i = 0; i < batch.words.size(); ++i) {
      const auto [sentence, word] = batch.words[i];
      predicted[sentence][word] =
          labels[static_cast<size_t>(best[static_cast<int64_t>(i)].item<int64_t>())];
    }
  }
  return predicted;
}

double plain_accuracy(const std::vector<TaggedSentence>& sentences,
                      const std::vector<std::vector<std::string>>& predicted) {
  return tag_accuracy(tags_of(sentences), predicted);
}

NerScores score_tags(const std::vector<TaggedSentence>& sentences,
                     const std::vector<std::vector<std::string>>& predicted) {
  return span_f1(tags_of(sentences), predicted);
}

}  // namespace madx
