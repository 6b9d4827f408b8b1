#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../models/tiny_encoder.h"
#include "../support.h"
#include "madx/train/mlm_task.h"

namespace madx {

/// A language adapter and a head on the tiny encoder, trained over all sub-words or the text's.
struct TextRun {
  TextRun(const std::string& text, bool over_text) {
    at::set_num_threads(1);
    const auto tokenizer = load_tokenizer(MADX_FIXTURES "/tokenizer/xlmr");
    SubWordSet sub_words(*tokenizer);
    MlmBatchesOptions options;
    options.max_length = 16;
    batches = std::make_unique<MlmBatches>(TextCorpus({text}), tokenizer, options, &sub_words);
    of_task = std::make_unique<MlmBatches>(TextCorpus({text}), tokenizer, options);
    ids = sub_words.ids();
    torch::manual_seed(1);
    auto config = named_config("pfeiffer+inv");
    config.reduction_factor = 2;
    auto trained = adapters->add("sw", config)->named_tensors();
    adapters->activate({"sw"});
    head->bias.detach().normal_();
    for (const auto& item : head->named_parameters())
      trained.emplace_back("head." + item.key(), item.value());
    std::optional<SoftmaxVocabulary> vocabulary;
    if (over_text) vocabulary.emplace(encoder, ids);
    task = std::make_unique<MlmTask>(encoder, adapters, head, *of_task, batches.get(), trained,
                                     vocabulary);
  }

  Encoder encoder = tiny_encoder();
  AdapterStack adapters{/*hidden_size=*/12, /*num_layers=*/2};
  MlmHead head{MlmHeadOptions(12, 252)};
  std::unique_ptr<MlmBatches> batches;
  std::unique_ptr<MlmBatches> of_task;  // the same ones, which it makes ahead on another thread
  std::vector<int64_t> ids;
  std::unique_ptr<MlmTask> task;
};

/// A text of 30 lines.
class TextRunTest : public testing::Test {
 protected:
  TextRunTest() {
    std::string text;
    for (int i = 0; i < 30; ++i) text += "Mwalimu anatembea " + std::to_string(i) + "\n";
    io::write_bytes(folder_ / "sw.txt", text);
  }
  std::string text() const { return folder_ / "sw.txt"; }

  TemporaryFolder folder_;
};

}  // namespace madx
