#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace madx::apps {

/// What one sentence adds to exact-span F1: entities in gold, predicted ones, and those in both.
struct SentenceCounts {
  int64_t gold = 0, predicted = 0, correct = 0;
};

/// The counts of each sentence, as `span_f1` counts. Throws as it does.
std::vector<SentenceCounts> sentence_counts(const std::vector<std::vector<std::string>>& gold,
                                            const std::vector<std::vector<std::string>>& predicted);

/// Micro F1 in percent of the sentences together: `span_f1`'s on the whole.
double f1_of(const std::vector<SentenceCounts>& sentences);

/// F1 of `a` less F1 of `b`, in percent, on each of `resamples` drawings of as many sentences as
/// there are, with replacement, the same sentences for both. A pure function of its arguments, on
/// every machine. Throws std::invalid_argument where `a` and `b` differ in length or are empty.
std::vector<double> resampled_differences(const std::vector<SentenceCounts>& a,
                                          const std::vector<SentenceCounts>& b, int64_t resamples,
                                          uint64_t seed);

/// A difference of two F1, and how sure the sentences make it.
struct PairedBootstrap {
  double difference = 0;     ///< of the test set as it is, percent
  double low = 0, high = 0;  ///< 95 of 100 resampled differences lie between
  double p = 1;              ///< two-sided: how often the resamples have no difference of this sign
};

/// Of resampled differences, one or more. With n of them p is twice the smaller of (1 + those not
/// above 0) / (n + 1) and (1 + those not below 0) / (n + 1), and 1 at most: 2 / (n + 1) where all
/// have one sign, 1 where all are 0. Throws std::invalid_argument for none.
PairedBootstrap paired_bootstrap(double difference, std::vector<double> resampled);

}  // namespace madx::apps
