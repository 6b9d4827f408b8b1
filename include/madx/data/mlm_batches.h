#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "madx/data/line_order.h"
#include "madx/data/mlm_batch.h"
#include "madx/data/sub_word_set.h"
#include "madx/data/text.h"
#include "madx/data/token_stream.h"

namespace madx {

/// How the lines of several files are mixed.
enum class Mixing {
  kByLines,      ///< every line once an epoch
  kEqualShares,  ///< as many sequences of each file, smaller files more often
};

/// What a sequence is.
enum class Sequences {
  kLines,       ///< a line; of one that is too long, a window drawn anew at each visit
  kFullLength,  ///< the next max_length tokens of lines end to end, `</s>` between them: nothing is
                ///< lost
};

/// How sequences are made of text, masked and put into batches.
struct MlmBatchesOptions {
  int64_t batch_size = 8;                   ///< sequences
  int64_t max_length = 128;                 ///< tokens of a sequence, special ones included
  double mlm_probability = 0.15;            ///< of tokens that are predicted
  uint64_t seed = 42;                       ///< of order, windows and masks
  Mixing mixing = Mixing::kByLines;         ///< of several files
  Sequences sequences = Sequences::kLines;  ///< lines, or tokens end to end
};

/// Batches of a corpus by number: batch n is a function of the options and n alone, so that a
/// resumed run reads what the interrupted one would have read, and nothing before it.
///
/// Of full-length sequences, the shuffled lines of an epoch are one stream of tokens, those of the
/// next epoch follow, and batch n has the tokens from n times its size on. An epoch has the same
/// number of tokens in any order, so the place is found by a division and sums of the lines'
/// lengths; for these the text is tokenized once, at construction (see CountedText).
class MlmBatches {
 public:
  /// Adds the text's sub-words to `sub_words`, unless it is nullptr; that tokenizes the text once,
  /// together with the counting of full-length sequences. Throws InputError when no line of the
  /// corpus has a token that can be masked.
  MlmBatches(TextCorpus corpus, std::shared_ptr<const Tokenizer> tokenizer,
             MlmBatchesOptions options, SubWordSet* sub_words = nullptr);

  /// Training batch `index` >= 0: shuffled lines, masks drawn anew at each visit, at least one
  /// token masked whatever the probability. For one thread at a time.
  MlmBatch train(int64_t index);
  /// Held-out batch `index` < eval_size(): lines in order, always the same masks. Of full-length
  /// sequences the last one may be shorter.
  MlmBatch eval(int64_t index) const;

  /// Batches an epoch, rounded up.
  int64_t epoch_size() const;
  /// Batches of one pass over the text, in its order: what evaluate() is over.
  int64_t eval_size() const;

  /// How often `batches` training batches have gone through the text, 2.5 for two and a half times.
  /// With kEqualShares a mean: smaller files come more often.
  double passes(int64_t batches) const;
  /// Tokens of each training batch, special ones included, where all have the same number.
  std::optional<int64_t> batch_tokens() const;

 private:
  /// Lines of one file (kEqualShares) or of all, shuffled anew each epoch.
  struct Share {
    size_t first = 0;
    size_t size = 0;
    int64_t epoch = -1;
    LineOrder order;                    // kLines
    std::optional<TokenStream> stream;  // kFullLength
  };
  using TokenLists = std::vector<std::vector<int64_t>>;

  void require_text() const;
  LineOrder shuffled_order(size_t share, int64_t epoch) const;
  size_t shuffled_line(size_t share, int64_t visit);
  TokenLists line_sequences(const std::vector<size_t>& lines, RandomStream& random) const;
  MlmBatch train_lines(int64_t index, RandomStream& random);

  std::vector<int64_t> shuffled_tokens(size_t share, int64_t begin, int64_t end);
  TokenLists full_sequences(int64_t index);
  MlmBatch train_full(int64_t index, RandomStream& random);
  int64_t room() const { return options_.max_length - 2; }

  std::shared_ptr<const TextCorpus> corpus_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  MlmBatchesOptions options_;
  std::vector<Share> shares_;
  std::optional<TokenStream> in_order_;  // kFullLength: all lines as they come
};

}  // namespace madx
