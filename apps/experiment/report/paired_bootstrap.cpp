#include "apps/experiment/report/paired_bootstrap.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

#include "madx/eval/span_f1.h"

namespace madx::apps {
namespace {

void add(SentenceCounts& sum, const SentenceCounts& sentence) {
  sum.gold += sentence.gold;
  sum.predicted += sentence.predicted;
  sum.correct += sentence.correct;
}

// 2PR / (P + R) without P and R: exact counts with one division, so that two equal scores are equal
// to the last bit.
double f1_of(const SentenceCounts& sum) {
  const int64_t both = sum.gold + sum.predicted;
  return both == 0 ? 0 : 200 * static_cast<double>(sum.correct) / static_cast<double>(both);
}

}  // namespace

std::vector<SentenceCounts> sentence_counts(
    const std::vector<std::vector<std::string>>& gold,
    const std::vector<std::vector<std::string>>& predicted) {
  span_f1(gold, predicted);  // its errors name the sentence
  std::vector<SentenceCounts> counts;
  for (size_t i = 0; i < gold.size(); ++i) {
    const SpanScores micro = span_f1({gold[i]}, {predicted[i]}).micro;
    counts.push_back({micro.entities, micro.predicted, micro.correct});
  }
  return counts;
}

double f1_of(const std::vector<SentenceCounts>& sentences) {
  SentenceCounts sum;
  for (const SentenceCounts& sentence : sentences) add(sum, sentence);
  return f1_of(sum);
}

std::vector<double> resampled_differences(const std::vector<SentenceCounts>& a,
                                          const std::vector<SentenceCounts>& b, int64_t resamples,
                                          uint64_t seed) {
  if (a.size() != b.size() || a.empty()) {
    throw std::invalid_argument(
        "resampled_differences: expected the same sentences twice, one at least, but got " +
        std::to_string(a.size()) + " and " + std::to_string(b.size()));
  }
  std::mt19937_64 generator(seed);
  const uint64_t sentences = a.size();
  std::vector<double> differences;
  for (int64_t n = 0; n < resamples; ++n) {
    SentenceCounts sum_a, sum_b;
    for (uint64_t drawn = 0; drawn < sentences; ++drawn) {
      // By hand: the standard library's distributions differ between machines.
      const size_t i = static_cast<size_t>(((generator() >> 32) * sentences) >> 32);
      add(sum_a, a[i]);
      add(sum_b, b[i]);
    }
    differences.push_back(f1_of(sum_a) - f1_of(sum_b));
  }
  return differences;
}

PairedBootstrap paired_bootstrap(double difference, std::vector<double> resampled) {
  if (resampled.empty())
    throw std::invalid_argument("paired_bootstrap: expected one resample at least, but got none");
  std::sort(resampled.begin(), resampled.end());
  const auto n = static_cast<double>(resampled.size());
  const auto at = [&](double share) {
    return resampled[static_cast<size_t>(std::lround(share * (n - 1)))];
  };
  const auto not_above = std::upper_bound(resampled.begin(), resampled.end(), 0.0);
  const auto not_below = std::lower_bound(resampled.begin(), resampled.end(), 0.0);
  const auto tail = std::min(not_above - resampled.begin(), resampled.end() - not_below);
  const double p = std::min(1.0, 2 * (1 + static_cast<double>(tail)) / (n + 1));
  return {difference, at(0.025), at(0.975), p};
}

}  // namespace madx::apps
