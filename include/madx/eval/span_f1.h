#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "madx/data/tags.h"

namespace madx {

/// Exact-span scores: a predicted entity is correct when a gold one has its tokens and its type.
/// Percent, 0 to 100; a score whose denominator is zero is 0, as in seqeval.
struct SpanScores {
  double precision = 0;        ///< correct by predicted
  double recall = 0;           ///< correct by entities
  double f1 = 0;               ///< their harmonic mean
  std::int64_t entities = 0;   ///< in the gold tags
  std::int64_t predicted = 0;  ///< in the predicted tags
  std::int64_t correct = 0;    ///< in both
};

/// Scores of a test set: `micro` over all entities, `per_type` for each type that occurs in the
/// gold or in the predicted tags.
struct NerScores {
  SpanScores micro;                            ///< over all entities
  std::int64_t sentences = 0;                  ///< scored
  std::map<std::string, SpanScores> per_type;  ///< by type: "PER", "LOC", ...
};

/// Scores predicted tags, a vector a sentence, against gold ones as seqeval's default mode does.
/// The two may use different schemes: their spans count (see `spans_of`). InputError, naming the
/// sentence, when they differ in length or hold what is not a tag.
NerScores span_f1(const std::vector<std::vector<std::string>>& gold,
                  const std::vector<std::vector<std::string>>& predicted);

}  // namespace madx
