#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "apps/experiment/experiment_results.h"
#include "apps/experiment/report/paired_bootstrap.h"
#include "apps/report/ner_report.h"

namespace madx::apps::detail {

inline constexpr int64_t kResamples = 1000;

// A source, as the tables are headed, and a language with a test set.
using Pair = std::pair<std::string, std::string>;

// The test set and what was predicted for it, out of a file of token, gold and predicted.
NerPredictions read_predictions(const std::string& language, const std::string& path);

// The scores of a row under a source's heading: those of "en+de" stand under "en" and under "de".
std::vector<const ExperimentScore*> find_scores(const ExperimentResults& results,
                                                const std::string& row, const Pair& pair);

// Two rows with predictions under the same seed; nullptrs where there are none. The first seed in
// the results' order.
std::pair<const ExperimentScore*, const ExperimentScore*> find_predictions(
    const ExperimentResults& results, const std::string& a, const std::string& b, const Pair& pair);

// Compares rows by the sentences of their test sets. Each file of predictions is read once.
class RowComparison {
 public:
  explicit RowComparison(const ExperimentResults& results) : results_(results) {}

  // The mean over `pairs` of F1 of row `a` less F1 of row `b`; unset where a pair lacks predictions
  // of one of them. The seeds that both have are pooled: a sentence's counts are their sum, and a
  // drawn sentence counts under all of them. Sentences are drawn a language, the same for every
  // source; languages are independent. InputError where the two test sets differ.
  std::optional<PairedBootstrap> compare(const std::string& a, const std::string& b,
                                         const std::vector<Pair>& pairs);

  // Sentences in the test set of a language; 0 where no predictions were kept.
  int64_t sentences(const std::string& language);

 private:
  struct Counts {
    std::vector<SentenceCounts> sentences;
    size_t test_set = 0;  // a hash of its tokens and gold tags
  };
  struct Difference {
    double observed;
    std::vector<double> resampled;
  };

  const Counts& counts_of(const ExperimentScore& score);
  const std::optional<Difference>& difference(const std::string& a, const std::string& b,
                                              const Pair& pair);
  std::optional<Difference> draw(const std::string& a, const std::string& b, const Pair& pair);

  const ExperimentResults& results_;
  std::map<std::string, Counts> counts_;  // by path
  std::map<std::tuple<std::string, std::string, Pair>, std::optional<Difference>> differences_;
};

}  // namespace madx::apps::detail
