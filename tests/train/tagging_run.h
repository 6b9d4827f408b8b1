#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <torch/utils.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../models/tiny_encoder.h"
#include "madx/train/tagging_task.h"
#include "madx/train/trainer.h"

namespace madx {

/// Twelve tagged sentences of English and Swahili in turn, and the language of each.
inline std::pair<std::vector<TaggedSentence>, std::vector<std::string>> two_languages() {
  std::vector<TaggedSentence> sentences;
  std::vector<std::string> languages;
  for (const std::string name : {"Maria", "Anna", "John", "Juma", "Asha", "Peter"}) {
    sentences.push_back({{name, "sees", "the", "river"}, {"B-PER", "O", "O", "O"}});
    sentences.push_back({{name, "anaona", "Nairobi"}, {"B-PER", "O", "B-LOC"}});
    languages.insert(languages.end(), {"en", "sw"});
  }
  return {sentences, languages};
}

/// A task adapter over language adapters on the tiny encoder, with its dropout.
struct TaggingRun {
  explicit TaggingRun(TaggingTask::Options options,
                      const Composition& composition = {kLanguage, "ner"}, uint64_t seed = 1) {
    torch::manual_seed(seed);
    for (const std::string language : {"en", "sw", "rw"}) {
      auto config = named_config("pfeiffer+inv");
      config.reduction_factor = 2;
      const at::NoGradGuard no_grad;
      // The same languages for every seed, far apart from one another.
      const auto generator = at::make_generator<at::CPUGeneratorImpl>(language.front());
      for (auto& weight : adapters->add(language, config)->parameters())
        weight.normal_(0, 0.5, generator);
    }
    adapters->freeze();
    auto config = named_config("houlsby");
    config.reduction_factor = 3;
    const auto task_adapter = adapters->add("ner", config);
    auto trained = task_adapter->named_tensors();
    for (const auto& item : head->named_parameters())
      trained.emplace_back("head." + item.key(), item.value());
    adapters->activate(composition);
    options.batch_size = options.batch_size == 16 ? 5 : options.batch_size;
    options.max_length = 16;
    const auto [sentences, languages] = two_languages();
    task = std::make_unique<TaggingTask>(
        encoder, adapters, head, load_tokenizer(MADX_FIXTURES "/tokenizer/xlmr"), sentences,
        options.dev_languages.empty() ? std::vector<TaggedSentence>() : sentences, options,
        trained);
  }

  Encoder encoder = tiny_encoder();
  AdapterStack adapters{/*hidden_size=*/12, /*num_layers=*/2};
  TaggingHead head{TaggingHeadOptions(12, {"O", "B-LOC", "I-LOC", "B-PER", "I-PER"})};
  std::unique_ptr<TaggingTask> task;
};

}  // namespace madx
