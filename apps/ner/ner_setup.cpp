#include "apps/ner/ner_setup.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "madx/core/error.h"
#include "madx/data/invisible.h"
#include "madx/io/adapter_files.h"
#include "madx/io/composition_files.h"
#include "madx/io/new_directory.h"
#include "madx/train/predict_tags.h"

namespace madx::apps {
namespace {

/// The task adapter's name in the bank and in its files. A language may not be called so.
constexpr auto kTask = "ner";
constexpr auto kTaskDirectory = "/task_adapter";
constexpr auto kFinetunedDirectory = "/finetuned";
constexpr auto kFusionsDirectory = "/fusions";

Composition composition_of(NerSetup setup) {
  switch (setup) {
    case NerSetup::kMadx:
    case NerSetup::kNoInvertible:
      return Stack{kLanguage, kTask};
    case NerSetup::kNoLanguage:
      return kTask;
    case NerSetup::kFinetune:
      return {};
  }
  return {};
}

/// The Fuse blocks in a composition.
void collect_fusions(const Composition& composition, std::vector<Fuse>& fusions) {
  if (composition.kind == Composition::Kind::kFuse) {
    auto fuse = Fuse({}).named(composition.name);
    fuse.children = composition.children;
    fusions.push_back(fuse);
  }
  for (const auto& child : composition.children) collect_fusions(child, fusions);
}

/// Refuses a head whose labels are no tags, such as the LABEL_0 of one that was given no names.
void require_tags(const std::string& directory, const std::vector<std::string>& labels) {
  for (const auto& label : labels) {
    if (is_tag(label)) continue;
    input_error(directory, "/head_config.json: expected tags such as O and B-PER as the names in ",
                "\"label2id\", but found ", in_quotes(label),
                "; write the tag of each id there, or ",
                "save the head anew with id2label given to add_tagging_head");
  }
}

bool names(const Composition& composition, const std::string& name) {
  const auto all = adapter_names(composition);
  return std::find(all.begin(), all.end(), name) != all.end();
}

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
      composition(composition_of(setup_)),
      encoder(loaded.encoder),
      adapters(loaded.encoder->config().hidden_size, loaded.encoder->config().num_hidden_layers),
      tokenizer(loaded.tokenizer),
      origin(loaded.origin),
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
  adapters->freeze();
  adapters->use_invertible(setup == NerSetup::kMadx);
}

void NerModel::compose(const Composition& composed,
                       const std::vector<std::pair<std::string, std::string>>& more,
                       const std::vector<std::string>& fusions) {
  if (setup != NerSetup::kMadx && setup != NerSetup::kNoInvertible) {
    input_error(
        "--composition: expected --setup madx or no-inv beside it, whose stack it replaces");
  }
  composition = composed;
  for (const auto& [name, directory] : more) {
    if (adapters->has(name))
      input_error("--adapter: expected names other than languages, but found ", name, " twice");
    io::load_adapter(adapters, directory, name, leave_out);
  }
  const auto dropout = encoder->config().attention_probs_dropout_prob;
  for (const auto& directory : fusions) io::load_fusion(adapters, directory, "", dropout);
  adapters->freeze();
  for (const auto& name : adapter_names(composition)) {
    if (name == kLanguage || name == kTask || adapters->has(name)) continue;
    input_error("--composition: expected ", kLanguage, ", ", kTask,
                " or a name that --language or --adapter gives, but found ", name);
  }
}

void NerModel::require_language(const std::string& language) const {
  if (names_language(composition) && !adapters->has(language)) {
    input_error("--language: expected ", language,
                "=DIRECTORY with this language's adapter, but there is none; train one with "
                "train_lang_adapter, or use --setup no-lang");
  }
}

void NerModel::add_task(const BottleneckConfig& config, const std::vector<std::string>& labels) {
  const auto& config_of_encoder = encoder->config();
  head = TaggingHead(TaggingHeadOptions(config_of_encoder.hidden_size, labels)
                         .dropout(config_of_encoder.head_dropout()));
  if (setup == NerSetup::kFinetune) return encoder->unfreeze();
  task_learns_ = names(composition, kTask) && !adapters->has(kTask);
  if (task_learns_) adapters->add(kTask, config);
  std::vector<Fuse> fusions;
  collect_fusions(composition, fusions);
  for (const auto& fuse : fusions) {
    const auto name = fusion_name(fuse);
    if (adapters->has_fusion(name)) continue;
    if (names_language(fuse)) {
      input_error(
          "--composition: expected a fusion of adapters that stay as languages change, but ",
          "found ", to_string(fuse), "; put ", kLanguage, " below it");
    }
    adapters->add_fusion(fuse, {}, encoder->config().attention_probs_dropout_prob);
    fresh_fusions_.push_back(name);
  }
}

void NerModel::load_task(const std::string& directory) {
  if (setup == NerSetup::kFinetune && std::filesystem::exists(directory + "/adapter_config.json")) {
    input_error("--task-adapter: expected finetuned/ of a run with --setup finetune, or --train, ",
                "but found a task adapter in ", directory, "; leave --setup finetune out");
  }
  if (names(composition, kTask) && !adapters->has(kTask))
    io::load_adapter(adapters, directory, kTask, leave_out);
  head = io::load_tagging_head(directory, encoder->config().head_dropout());
  require_tags(directory, head->options.labels());
  if (head->options.hidden_size() != encoder->config().hidden_size) {
    input_error(directory, "/head_config.json: expected hidden size ",
                encoder->config().hidden_size, ", the encoder's, but found ",
                head->options.hidden_size());
  }
}

void NerModel::save(const std::string& directory) const {
  const auto model = io::model_info(encoder->config());
  const bool finetuned = setup == NerSetup::kFinetune;
  io::NewDirectory target(directory + (finetuned ? kFinetunedDirectory : kTaskDirectory),
                          io::ExistingDirectory::kReplace);
  io::save_tagging_head(head, kTask, model, target.path());
  if (finetuned) io::save_encoder(encoder, *origin, target.path());
  if (task_learns_) io::save_adapter(adapters, kTask, model, target.path());
  if (!fresh_fusions_.empty()) {
    io::NewDirectory fusions(directory + kFusionsDirectory, io::ExistingDirectory::kReplace);
    for (const auto& name : fresh_fusions_) {
      std::filesystem::create_directory(fusions.path() + "/" + name);
      io::save_fusion(adapters, name, model, fusions.path() + "/" + name);
    }
    fusions.commit();
  }
  target.commit();
}

void NerModel::load_saved(const std::string& directory, int64_t steps) {
  if (setup == NerSetup::kFinetune) {
    auto loaded = io::load_encoder(directory + kFinetunedDirectory,
                                   io::LoadEncoderOptions().weights_only(true));
    encoder = loaded.encoder;
    tokenizer = loaded.tokenizer;
    head = io::load_tagging_head(directory + kFinetunedDirectory);
    return;
  }
  // Layers that are left out of what was loaded are not left out of what was trained.
  const auto left_out = std::exchange(leave_out, {});
  load_task(directory + kTaskDirectory);
  leave_out = left_out;
  if (!std::filesystem::is_directory(directory + kFusionsDirectory)) return;
  auto options = adapters->options();
  for (const auto& entry : std::filesystem::directory_iterator(directory + kFusionsDirectory))
    options.fusion_steps()[io::load_fusion(adapters, entry.path())] = steps;
  adapters->use(options);
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
  }
  if (task_learns_) tensors = adapters->get(kTask)->named_tensors();
  for (const auto& name : fresh_fusions_) {
    for (const auto& [key, tensor] : adapters->get_fusion(name)->named_tensors())
      tensors.emplace_back("fusion " + name + "." + key, tensor);
  }
  for (const auto& item : head->named_parameters())
    tensors.emplace_back("head." + item.key(), item.value());
  return tensors;
}

void NerModel::activate(const std::string& language) {
  adapters->activate(with_language(composition, language));
}

std::vector<std::vector<std::string>> NerModel::tag(const std::string& language,
                                                    const std::vector<TaggedSentence>& sentences) {
  activate(language);
  return predict_tags(encoder, adapters, head, *tokenizer, sentences, max_length, batch_size, {},
                      between_batches);
}

std::vector<std::vector<std::string>> NerModel::tag_mixed(
    const std::vector<std::string>& languages, const std::vector<TaggedSentence>& sentences) {
  adapters->activate(composition);
  return predict_tags(encoder, adapters, head, *tokenizer, sentences, max_length, batch_size,
                      languages, between_batches);
}

}  // namespace madx::apps
