#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "madx/adapters/adapter_stack.h"
#include "madx/data/conll.h"
#include "madx/io/encoder_files.h"
#include "madx/models/tagging_head.h"

namespace madx::apps {

/// What stands below the task adapter (MAD-X section 6, "ablations"), or that there is none.
enum class NerSetup {
  kMadx,          ///< language adapter and invertible adapter
  kNoInvertible,  ///< language adapter alone (-INV)
  kNoLanguage,    ///< neither (-LAD -INV)
  kFinetune,      ///< no adapters: the encoder's own weights are trained
};

/// madx, no-inv, no-lang or finetune. Throws InputError for another name.
NerSetup parse_ner_setup(const std::string& name);

/// An encoder with language adapters, a task adapter and its tagging head, under one setup.
struct NerModel {
  /// Loads the adapters of `languages` (language, directory); setups without language adapters load
  /// none. Layers in `leave_out` get no adapter that is loaded, here or by `load_task`.
  NerModel(NerSetup setup, const io::LoadedEncoder& loaded,
           const std::vector<std::pair<std::string, std::string>>& languages, int64_t max_length,
           int64_t batch_size, std::vector<int64_t> leave_out = {});

  /// Runs `composition` instead of the setup's stack; in it kLanguage is a sentence's language and
  /// "ner" the task adapter. Loads further adapters (name, directory) and fusions (directories).
  /// Throws InputError under setups without language adapters, and for a name that is nobody's.
  void compose(const Composition& composition,
               const std::vector<std::pair<std::string, std::string>>& adapters,
               const std::vector<std::string>& fusions);

  /// Throws InputError when the composition needs this language's adapter and there is none.
  void require_language(const std::string& language) const;

  /// A fresh head, and of what the composition names the task adapter and the fusions that are not
  /// there: they learn. Under finetune the encoder does.
  void add_task(const BottleneckConfig& config, const std::vector<std::string>& labels);
  /// A trained task adapter, where the composition has one that is not there, and its head; under
  /// finetune the head of `directory`, finetuned/ of a run, of which the encoder is. Throws
  /// InputError for a task adapter under finetune, and for a head whose labels are no tags.
  void load_task(const std::string& directory);
  /// Writes task_adapter/, and a directory a fusion under fusions/, into `directory`; finetune:
  /// finetuned/, a Hugging Face directory with the head beside it, config and tokenizer those that
  /// the encoder was loaded with. Each of these appears whole or not at all.
  void save(const std::string& directory) const;
  /// Loads what `save` wrote, instead of `add_task`; fusions are as after `steps` of training.
  void load_saved(const std::string& directory, int64_t steps);

  void to(const at::Device& device);
  /// The tensors that learn.
  std::vector<std::pair<std::string, at::Tensor>> trained() const;
  /// Whether the task adapter learns: not where it is loaded, or the composition has none.
  bool task_learns() const { return task_learns_; }
  /// The fusions that learn.
  const std::vector<std::string>& trained_fusions() const { return fresh_fusions_; }
  /// Makes the composition active as it is for this language.
  void activate(const std::string& language);
  /// Tags sentences of this language: a vector of IOB2 tags a sentence.
  std::vector<std::vector<std::string>> tag(const std::string& language,
                                            const std::vector<TaggedSentence>& sentences);
  /// Tags sentences of several languages, one name a sentence, in common batches.
  std::vector<std::vector<std::string>> tag_mixed(const std::vector<std::string>& languages,
                                                  const std::vector<TaggedSentence>& sentences);

  NerSetup setup;
  Composition composition;  ///< with kLanguage for the language
  Encoder encoder;
  AdapterStack adapters;
  TaggingHead head{nullptr};
  std::shared_ptr<const Tokenizer> tokenizer;
  std::shared_ptr<const io::EncoderOrigin> origin;
  int64_t max_length;
  int64_t batch_size;
  std::vector<int64_t> leave_out;
  /// Called between batches by `tag` and `tag_mixed`; what it throws ends them. May be empty.
  std::function<void()> between_batches = {};

 private:
  bool task_learns_ = false;
  std::vector<std::string> fresh_fusions_;
};

}  // namespace madx::apps
