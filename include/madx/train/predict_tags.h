#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "madx/adapters/adapter_stack.h"
#include "madx/data/conll.h"
#include "madx/data/tokenizer.h"
#include "madx/eval/span_f1.h"
#include "madx/models/encoder.h"
#include "madx/models/tagging_head.h"

namespace madx {

/// Tags sentences under the composition that is active: predictions for every word, dropout off.
/// Returns the head's labels (IOB2 or plain tags), a vector a sentence. `languages` has one name a
/// sentence where the composition has kLanguage: batches may mix them. `between_batches` is called
/// before each batch, where it is set: what it throws ends the work. Throws InputError under a
/// Parallel block, which gives a word several tags.
std::vector<std::vector<std::string>> predict_tags(
    Encoder encoder, AdapterStack adapters, TaggingHead head, const Tokenizer& tokenizer,
    const std::vector<TaggedSentence>& sentences, int64_t max_length, int64_t batch_size,
    const std::vector<std::string>& languages = {},
    const std::function<void()>& between_batches = {});

/// Percent of the tokens whose plain tag is predicted.
double plain_accuracy(const std::vector<TaggedSentence>& sentences,
                      const std::vector<std::vector<std::string>>& predicted);

/// Exact-span scores of `predicted` against the sentences' own tags.
NerScores score_tags(const std::vector<TaggedSentence>& sentences,
                     const std::vector<std::vector<std::string>>& predicted);

}  // namespace madx
