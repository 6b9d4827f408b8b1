#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "madx/data/conll.h"
#include "madx/io/encoder_files.h"
#include "madx/models/tagging_head.h"

namespace madx {

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

  /// Throws InputError when the setup needs this language's adapter and there is none.
  void require_language(const std::string& language) const;

  /// A fresh task adapter (or trainable encoder) and head.
  void add_task(const BottleneckConfig& config, const std::vector<std::string>& labels);
  /// A trained one. Throws InputError under finetune, which has no task adapter.
  void load_task(const std::string& directory);
  /// Writes task_adapter/ into `directory`; finetune: finetuned/, a Hugging Face directory with the
  /// head beside it, config and tokenizer those of `encoder_path`.
  void save(const std::string& directory, const std::string& encoder_path) const;

  void to(const at::Device& device);
  /// The tensors that learn.
  std::vector<std::pair<std::string, at::Tensor>> trained() const;
  /// Makes the stack of this language active.
  void activate(const std::string& language);
  /// Tags sentences of this language: a vector of IOB2 tags a sentence.
  std::vector<std::vector<std::string>> tag(const std::string& language,
                                            const std::vector<TaggedSentence>& sentences);

  NerSetup setup;
  Encoder encoder;
  AdapterStack adapters;
  TaggingHead head{nullptr};
  std::shared_ptr<const Tokenizer> tokenizer;
  int64_t max_length;
  int64_t batch_size;
  std::vector<int64_t> leave_out;
};

}  // namespace madx
