#include "madx/programs/ner_setup.h"

#include <filesystem>

#include "madx/core/error.h"
#include "madx/io/adapter_files.h"
#include "madx/train/tagging_task.h"

namespace madx {
namespace {

/// The task adapter's name in the bank and in its files. A language may not be called so.
constexpr auto kTask = "ner";

}  // namespace

NerSetup parse_ner_setup(const std::string& name) {
  if (name == "madx") return NerSetup::kMadx;
  if (name == "no-inv") return NerSetup::kNoInvertible;
  if (name == "no-lang") return NerSetup::kNoLanguage;
  if (name == "finetune") return NerSetup::kFinetune;
  input_error("--setup: expected madx, no-inv, no-lang or finetune, but found ", name);
}

NerModel::NerModel(NerSetup setup_, const io::LoadedEncoder& loaded,
                   const std::vector<std::pair<std::string, std::string>>& languages,
                   int64_t max_length_, int64_t batch_size_, std::vector<int64_t> leave_out_)
    : setup(setup_),
      encoder(loaded.encoder),
      adapters(loaded.encoder->config().hidden_size, loaded.encoder->config().num_hidden_layers),
      tokenizer(loaded.tokenizer),
      max_length(max_length_),
      batch_size(batch_size_),
      leave_out(std::move(leave_out_)) {
  if (setup != NerSetup::kMadx && setup != NerSetup::kNoInvertible) return;
  for (const auto& [language, directory] : languages) {
    if (language == kTask)
      input_error("--language: expected a language, but found \"", kTask,
                  "\", the task adapter's name");
    io::load_adapter(adapters, directory, language, leave_out);
  }
  for (auto& weight : adapters->parameters()) weight.requires_grad_(false);
  adapters->use_invertible(setup == NerSetup::kMadx);
}

void NerModel::require_language(const std::string& language) const {
  const bool needed = setup == NerSetup::kMadx || setup == NerSetup::kNoInvertible;
  if (needed && !adapters->has(language)) {
    input_error("--language: expected ", language,
                "=DIRECTORY with this language's adapter, but there is none; train one with "
                "train_lang_adapter, or use --setup no-lang");
  }
}

void NerModel::add_task(const BottleneckConfig& config, const std::vector<std::string>& labels) {
  head = TaggingHead(TaggingHeadOptions(encoder->config().hidden_size, labels));
  if (setup == NerSetup::kFinetune) {
    encoder->unfreeze();
  } else {
    adapters->add(kTask, config);
  }
}

void NerModel::load_task(const std::string& directory) {
  if (setup == NerSetup::kFinetune) {
    input_error(
        "--task-adapter: expected --train under --setup finetune, which has no task adapter");
  }
  io::load_adapter(adapters, directory, kTask, leave_out);
  head = io::load_tagging_head(directory);
  if (head->options.hidden_size() != encoder->config().hidden_size) {
    input_error(directory, "/head_config.json: expected hidden size ",
                encoder->config().hidden_size, ", the encoder's, but found ",
                head->options.hidden_size());
  }
}

void NerModel::save(const std::string& directory, const std::string& encoder_path) const {
  const auto model = io::model_info(encoder->config());
  const auto target = directory + (setup == NerSetup::kFinetune ? "/finetuned" : "/task_adapter");
  std::filesystem::create_directories(target);
  io::save_tagging_head(head, kTask, model, target);
  if (setup == NerSetup::kFinetune) {
    io::save_encoder(encoder, encoder_path, target);
  } else {
    io::save_adapter(adapters, kTask, model, target);
  }
}

void NerModel::to(const at::Device& device) {
  encoder->to(device);
  adapters->to(device);
  head->to(device);
}

std::vector<std::pair<std::string, at::Tensor>> NerModel::trained() const {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  if (setup == NerSetup::kFinetune) {
    for (const auto& item : encoder->named_parameters())
      tensors.emplace_back("encoder." + item.key(), item.value());
  } else {
    for (const auto& [key, tensor] : adapters->get(kTask)->named_tensors())
      tensors.emplace_back(key, tensor);
  }
  for (const auto& item : head->named_parameters())
    tensors.emplace_back("head." + item.key(), item.value());
  return tensors;
}

void NerModel::activate(const std::string& language) {
  switch (setup) {
    case NerSetup::kMadx:
    case NerSetup::kNoInvertible:
      return adapters->activate({language, kTask});
    case NerSetup::kNoLanguage:
      return adapters->activate({kTask});
    case NerSetup::kFinetune:
      return adapters->deactivate();
  }
}

std::vector<std::vector<std::string>> NerModel::tag(const std::string& language,
                                                    const std::vector<TaggedSentence>& sentences) {
  activate(language);
  return predict_tags(encoder, adapters, head, *tokenizer, sentences, max_length, batch_size);
}

}  // namespace madx
