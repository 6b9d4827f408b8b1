#pragma once

#include <memory>
#include <vector>

#include "madx/data/masking.h"
#include "madx/data/text.h"
#include "madx/models/packed_batch.h"

namespace madx {

/// Sequences for masked LM: `batch.read_rows` are the masked positions, `targets` what stood there.
struct MlmBatch {
  PackedBatch batch;
  at::Tensor targets;  // (masked) int64
};

/// How the lines of several files are mixed.
enum class Mixing {
  kByLines,      ///< every line once an epoch
  kEqualShares,  ///< as many lines of each file, smaller files more often
};

/// What a sequence is.
enum class Sequences {
  kLines,       ///< a line; of one that is too long, a window drawn anew at each visit
  kFullLength,  ///< a batch's lines end to end, </s> between them, cut at max_length: nothing is
                ///< lost
};

struct MlmBatchesOptions {
  int64_t batch_size = 8;    ///< lines
  int64_t max_length = 128;  ///< tokens of a sequence, special ones included
  double mlm_probability = 0.15;
  uint64_t seed = 42;
  Mixing mixing = Mixing::kByLines;
  Sequences sequences = Sequences::kLines;
};

/// Batches of a corpus by number: batch n is a function of the options and n alone, so that a
/// resumed run reads what the interrupted one would have read.
class MlmBatches {
 public:
  /// Throws InputError when no line of the corpus has a token.
  MlmBatches(TextCorpus corpus, std::shared_ptr<const Tokenizer> tokenizer,
             MlmBatchesOptions options);

  /// Training batch `index` >= 0: shuffled lines, masks drawn anew at each visit.
  MlmBatch train(int64_t index);
  /// Held-out batch `index` < eval_size(): lines in order, always the same masks.
  MlmBatch eval(int64_t index) const;

  /// Batches an epoch.
  int64_t epoch_size() const;
  int64_t eval_size() const { return epoch_size(); }

 private:
  /// Lines of one file (kEqualShares) or of all, shuffled anew each epoch.
  struct Share {
    size_t first = 0;
    size_t size = 0;
    int64_t epoch = -1;
    std::vector<uint32_t> order;
  };

  size_t shuffled_line(size_t share, int64_t visit);
  MlmBatch make(const std::vector<size_t>& lines, RandomStream& random) const;
  std::vector<std::vector<int64_t>> sequences_of(const std::vector<size_t>& lines,
                                                 RandomStream& random) const;

  TextCorpus corpus_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  MlmBatchesOptions options_;
  std::vector<Share> shares_;
};

}  // namespace madx
