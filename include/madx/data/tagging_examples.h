#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "madx/core/packed_batch.h"
#include "madx/data/conll.h"
#include "madx/data/tokenizer.h"

namespace madx {

/// Sequences for tagging. `batch.read_rows` are the first sub-words of the words that are
/// predicted, `words` says whose.
struct TaggingBatch {
  PackedBatch batch;   ///< `read_rows` are first sub-words of words
  at::Tensor targets;  ///< (words) int64 label ids; -1 where the tag is not among the labels
  std::vector<std::pair<size_t, size_t>> words;  ///< (sentence, word) of each read row
  std::vector<size_t> sentences;                 ///< of each sequence
};

/// What becomes of a tag that is not among the labels.
enum class UnknownTags {
  kMarked,   ///< its target is -1: for sentences to tag, whose own tags are for scores
  kRefused,  ///< InputError: for sentences to learn from
};

/// Tagged sentences as sequences of sub-words. A sentence that is longer than `max_length` becomes
/// several windows, of which each word is predicted in one; a word that alone is too long is cut to
/// its first sub-words.
class TaggingExamples {
 public:
  /// `labels` are the tags by id; those of spans in IOB2, into which the sentences' are turned.
  /// `max_length` counts special tokens. A token without text is one `<unk>`. InputError, naming
  /// sentence and token, for what is not a tag, and for one that `unknown` refuses.
  TaggingExamples(const std::vector<TaggedSentence>& sentences, const Tokenizer& tokenizer,
                  const std::vector<std::string>& labels, int64_t max_length,
                  UnknownTags unknown = UnknownTags::kMarked, TagScheme scheme = TagScheme::kSpans);

  /// Number of sequences: sentences, or windows of long ones.
  size_t size() const { return sequences_.size(); }
  /// The sequences of these numbers as a batch, in this order.
  TaggingBatch batch(const std::vector<size_t>& sequences) const;

 private:
  struct Word {
    int64_t place;  // of its first sub-word in the sequence
    int64_t label;
    size_t sentence;
    size_t word;
  };
  struct Sequence {
    std::vector<int64_t> ids;
    size_t sentence;
    std::vector<Word> words;
  };

  std::vector<Sequence> sequences_;
};

/// The labels of a training set: "O", then B- and I- of every entity type, sorted. Tags of other
/// schemes count as IOB2.
std::vector<std::string> iob2_labels(const std::vector<TaggedSentence>& sentences);

/// The labels of a training set of plain tags: each once, sorted.
std::vector<std::string> plain_labels(const std::vector<TaggedSentence>& sentences);

}  // namespace madx
