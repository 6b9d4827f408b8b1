#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/command_line/flags.h"
#include "apps/run/recipe.h"
#include "madx/data/mlm_batches.h"
#include "madx/io/encoder_files.h"
#include "madx/models/softmax_vocabulary.h"

namespace madx::apps {

/// How masked LM reads its text, and which sub-words its softmax is over.
struct MlmFlags {
  double mlm_probability = 0.15;
  bool full_length = false;
  std::string vocabulary = "full";

  void add_to(CLI::App& app);
  /// Throws InputError for a --mlm-probability outside (0, 1).
  MlmBatchesOptions batches_options(const TrainingFlags& training, Mixing mixing) const;
  /// Adds what decides a run's results.
  void describe(Recipe& recipe) const;
  /// Whether the softmax is over the sub-words of the text alone.
  bool over_text() const { return vocabulary == "text"; }
  /// What rows of metrics.jsonl say of their losses beside "full".
  std::map<std::string, std::string> labels() const;
};

/// --stay-near and --stay-near-layers: weight and states of StayNear.
struct StayNearFlags {
  double weight = 0;
  std::string layers = "last";
  bool every_layer() const { return layers == "all"; }

  /// `from` is what the states stay near to: "the encoder's own".
  void add_to(CLI::App& app, const std::string& from);
  /// Throws InputError for what is no weight, and for flags that need one.
  void check(const CLI::App& app) const;
  void describe(Recipe& recipe) const;
};

/// The text that masked LM reads, with the sub-words that its softmax is over.
class MlmTexts {
 public:
  /// `held_out` may be empty. With --vocabulary text the files are tokenized once, by all threads.
  /// Throws as TextCorpus and MlmBatches do.
  MlmTexts(const MlmFlags& flags, const MlmBatchesOptions& options,
           const std::shared_ptr<const Tokenizer>& tokenizer, const std::vector<std::string>& text,
           const std::vector<std::string>& held_out = {});

  MlmBatches& batches() { return *batches_; }
  MlmBatches* held_out() { return held_out_.get(); }  ///< nullptr where there is none

  /// Adds the sub-words of a text that no batch is of.
  void add_sub_words(const std::vector<std::string>& text, const Tokenizer& tokenizer);

  /// What the softmax is over, for an encoder that is on its device.
  SoftmaxVocabulary vocabulary(const Encoder& encoder) const;

 private:
  std::optional<SubWordSet> sub_words_;  // --vocabulary text
  std::unique_ptr<MlmBatches> batches_, held_out_;
};

/// "softmax over 12,345 of 250,002 sub-words (--vocabulary text)".
std::string describe_softmax(const SoftmaxVocabulary& vocabulary);
/// ", " and the same where the softmax is not over all: for the last line of a program.
std::string softmax_note(const SoftmaxVocabulary& vocabulary);
/// Where the softmax is not over all, says so on standard output, and what follows from it.
void say_softmax(const SoftmaxVocabulary& vocabulary);

/// `lm_head`, the flag, or else the head that was trained along with `adapter`, a directory, where
/// there is one; else empty: the encoder's.
std::string head_beside(const std::string& lm_head, const std::string& adapter);

/// The head of --lm-head or, where that is empty, the encoder's own. Throws InputError, naming
/// `encoder`, its path, where there is neither.
MlmHead choose_mlm_head(const std::string& lm_head, const std::string& encoder,
                        const io::LoadedEncoder& loaded);

}  // namespace madx::apps
