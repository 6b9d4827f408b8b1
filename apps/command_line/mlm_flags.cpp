#include "apps/command_line/mlm_flags.h"

#include <cmath>
#include <functional>
#include <iostream>

#include "madx/core/error.h"
#include "madx/core/plain_text.h"
#include "madx/io/adapter_files.h"

namespace madx::apps {
namespace {

/// "250,002".
std::string grouped(int64_t number) {
  auto text = std::to_string(number);
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<size_t>(at), ",");
  return text;
}

std::function<std::string(const std::string&)> one_of(const std::string& first,
                                                      const std::string& second) {
  return [=](const std::string& value) {
    if (value == first || value == second) return std::string();
    return "expected " + first + " or " + second + ", but found \"" + value + "\"";
  };
}

}  // namespace

void MlmFlags::add_to(CLI::App& app) {
  app.add_option("--mlm-probability", mlm_probability,
                 "Probability that a token is chosen to be predicted")
      ->capture_default_str();
  app.add_flag("--full-length", full_length,
               "Join lines, with </s> between them, to sequences of --max-length tokens");
  app.add_option("--vocabulary", vocabulary,
                 "Sub-words of the softmax: full (the encoder's vocabulary), or text (those in the "
                 "texts: faster, but losses are not comparable with full)")
      ->capture_default_str()
      ->check(one_of("full", "text"));
}

MlmBatchesOptions MlmFlags::batches_options(const TrainingFlags& training, Mixing mixing) const {
  if (!(mlm_probability > 0 && mlm_probability < 1)) {
    input_error("--mlm-probability: expected a number above 0 and below 1, but found ",
                mlm_probability);
  }
  return {training.batch_size,
          training.max_length,
          mlm_probability,
          training.seed,
          mixing,
          full_length ? Sequences::kFullLength : Sequences::kLines};
}

void MlmFlags::describe(Recipe& recipe) const {
  recipe.settings["--mlm-probability"] = exact_text(mlm_probability);
  recipe.settings["--full-length"] = full_length ? "given" : "not given";
  recipe.settings["--vocabulary"] = vocabulary;
}

std::map<std::string, std::string> MlmFlags::labels() const {
  if (!over_text()) return {};
  return {{"vocabulary", vocabulary}};
}

void StayNearFlags::add_to(CLI::App& app, const std::string& from) {
  app.add_option(
         "--stay-near", weight,
         "Weight, in the loss, of the distance of unmasked tokens' hidden states from those of " +
             from + "; 0: off")
      ->capture_default_str();
  app.add_option("--stay-near-layers", layers,
                 "States that --stay-near compares: last (after the last layer), or all (mean over "
                 "the layers)")
      ->capture_default_str()
      ->check(one_of("last", "all"));
}

void StayNearFlags::check(const CLI::App& app) const {
  if (!(weight >= 0 && std::isfinite(weight)))
    input_error("--stay-near: expected a weight of at least 0, but found ", weight);
  for (const std::string more : {"--stay-near-layers", "--stay-near-adapter"}) {
    if (weight == 0 && app.get_option_no_throw(more) != nullptr && app.count(more) > 0)
      input_error(more, ": expected --stay-near above 0 beside it; give one, or leave it out");
  }
}

void StayNearFlags::describe(Recipe& recipe) const {
  if (weight > 0) recipe.settings["--stay-near"] = exact_text(weight);
  if (every_layer()) recipe.settings["--stay-near-layers"] = layers;
}

MlmTexts::MlmTexts(const MlmFlags& flags, const MlmBatchesOptions& options,
                   const std::shared_ptr<const Tokenizer>& tokenizer,
                   const std::vector<std::string>& text, const std::vector<std::string>& held_out) {
  if (flags.over_text()) sub_words_.emplace(*tokenizer);
  auto* const sub_words = sub_words_ ? &*sub_words_ : nullptr;
  batches_ = std::make_unique<MlmBatches>(TextCorpus(text), tokenizer, options, sub_words);
  if (held_out.empty()) return;
  held_out_ = std::make_unique<MlmBatches>(TextCorpus(held_out), tokenizer, options, sub_words);
}

void MlmTexts::add_sub_words(const std::vector<std::string>& text, const Tokenizer& tokenizer) {
  if (sub_words_ && !text.empty()) sub_words_->add_text(TextCorpus(text), tokenizer);
}

SoftmaxVocabulary MlmTexts::vocabulary(const Encoder& encoder) const {
  return sub_words_ ? SoftmaxVocabulary(encoder, sub_words_->ids()) : SoftmaxVocabulary(encoder);
}

std::string describe_softmax(const SoftmaxVocabulary& vocabulary) {
  return "softmax over " + grouped(vocabulary.size()) + " of " +
         grouped(vocabulary.encoder_size()) + " sub-words (--vocabulary " +
         (vocabulary.is_whole() ? "full)" : "text)");
}

std::string softmax_note(const SoftmaxVocabulary& vocabulary) {
  return vocabulary.is_whole() ? "" : ", " + describe_softmax(vocabulary);
}

void say_softmax(const SoftmaxVocabulary& vocabulary) {
  if (vocabulary.is_whole()) return;
  std::cout << describe_softmax(vocabulary)
            << ": losses are not comparable with those of --vocabulary full" << std::endl;
}

std::string head_beside(const std::string& lm_head, const std::string& adapter) {
  if (!lm_head.empty() || adapter.empty()) return lm_head;
  const auto beside = adapter + "/lm_head";
  return io::has_head(beside) ? beside : "";
}

MlmHead choose_mlm_head(const std::string& lm_head, const std::string& encoder,
                        const io::LoadedEncoder& loaded) {
  if (!lm_head.empty()) return io::load_mlm_head(lm_head, loaded.encoder->config());
  if (!loaded.head.is_empty()) return loaded.head;
  input_error(encoder,
              ": expected a masked-LM head in the encoder or by --lm-head, but there is none; "
              "train one with train_lm_head, once for all languages");
}

}  // namespace madx::apps
