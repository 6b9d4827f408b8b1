#include "apps/experiment/report/row_comparison.h"

#include <algorithm>
#include <functional>

#include "apps/experiment/score_table.h"
#include "madx/core/error.h"

namespace madx::apps::detail {
namespace {

// FNV-1a: the same sentences are drawn for a language on every machine.
uint64_t seed_of(const std::string& language) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : language) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

size_t hash_of(const std::vector<TaggedSentence>& sentences) {
  std::string text;
  for (const TaggedSentence& sentence : sentences) {
    for (size_t i = 0; i < sentence.tokens.size(); ++i)
      text += sentence.tokens[i] + '\t' + sentence.tags[i] + '\n';
    text += '\n';
  }
  return std::hash<std::string>()(text);
}

void add_counts(std::vector<SentenceCounts>& sum, const std::vector<SentenceCounts>& counts) {
  sum.resize(counts.size());
  for (size_t i = 0; i < counts.size(); ++i) {
    sum[i].gold += counts[i].gold;
    sum[i].predicted += counts[i].predicted;
    sum[i].correct += counts[i].correct;
  }
}

using ScorePair = std::pair<const ExperimentScore*, const ExperimentScore*>;

// Where both rows have predictions, a pair a seed.
std::vector<ScorePair> common_seeds(const ExperimentResults& results, const std::string& a,
                                    const std::string& b, const Pair& pair) {
  std::vector<ScorePair> common;
  const auto scores_b = find_scores(results, b, pair);
  for (const ExperimentScore* of_a : find_scores(results, a, pair)) {
    for (const ExperimentScore* of_b : scores_b) {
      if (of_a->seed != of_b->seed || of_a->predictions.empty() || of_b->predictions.empty())
        continue;
      common.emplace_back(of_a, of_b);
      break;
    }
  }
  return common;
}

}  // namespace

NerPredictions read_predictions(const std::string& language, const std::string& path) {
  NerPredictions predictions{language, read_conll_file(path, {1, 2}).sentences, {}};
  for (TaggedSentence& sentence : read_conll_file(path, {1, 3}).sentences)
    predictions.predicted.push_back(std::move(sentence.tags));
  return predictions;
}

std::vector<const ExperimentScore*> find_scores(const ExperimentResults& results,
                                                const std::string& row, const Pair& pair) {
  std::vector<const ExperimentScore*> found;
  for (const ExperimentScore& score : results.scores) {
    if (score.row == row && score.language == pair.second && is_under(score, pair.first))
      found.push_back(&score);
  }
  return found;
}

std::pair<const ExperimentScore*, const ExperimentScore*> find_predictions(
    const ExperimentResults& results, const std::string& a, const std::string& b,
    const Pair& pair) {
  const auto common = common_seeds(results, a, b, pair);
  return common.empty() ? ScorePair{nullptr, nullptr} : common.front();
}

const RowComparison::Counts& RowComparison::counts_of(const ExperimentScore& score) {
  const auto found = counts_.find(score.predictions);
  if (found != counts_.end()) return found->second;
  const NerPredictions read = read_predictions(score.language, score.predictions);
  std::vector<std::vector<std::string>> gold;
  for (const TaggedSentence& sentence : read.gold) gold.push_back(sentence.tags);
  return counts_
      .emplace(score.predictions, Counts{sentence_counts(gold, read.predicted), hash_of(read.gold)})
      .first->second;
}

std::optional<RowComparison::Difference> RowComparison::draw(const std::string& a,
                                                             const std::string& b,
                                                             const Pair& pair) {
  std::vector<SentenceCounts> counts_a, counts_b;
  const Counts* first = nullptr;
  std::string first_path;
  for (const auto& [score_a, score_b] : common_seeds(results_, a, b, pair)) {
    for (const ExperimentScore* score : {score_a, score_b}) {
      const Counts& counts = counts_of(*score);
      if (first == nullptr) {
        first = &counts;
        first_path = score->predictions;
      }
      if (counts.test_set != first->test_set) {
        input_error(score->predictions, ": expected the test set that ", first_path,
                    " has, but found another one; score rows ", a, " and ", b, " on ", pair.second,
                    " again, on one file");
      }
      add_counts(score == score_a ? counts_a : counts_b, counts.sentences);
    }
  }
  if (first == nullptr) return std::nullopt;
  return Difference{f1_of(counts_a) - f1_of(counts_b),
                    resampled_differences(counts_a, counts_b, kResamples, seed_of(pair.second))};
}

const std::optional<RowComparison::Difference>& RowComparison::difference(const std::string& a,
                                                                          const std::string& b,
                                                                          const Pair& pair) {
  const auto key = std::make_tuple(a, b, pair);
  const auto found = differences_.find(key);
  if (found != differences_.end()) return found->second;
  return differences_.emplace(key, draw(a, b, pair)).first->second;
}

std::optional<PairedBootstrap> RowComparison::compare(const std::string& a, const std::string& b,
                                                      const std::vector<Pair>& pairs) {
  if (pairs.empty()) return std::nullopt;
  const auto count = static_cast<double>(pairs.size());
  double observed = 0;
  std::vector<double> resampled(kResamples, 0);
  for (const Pair& pair : pairs) {
    const auto& of_pair = difference(a, b, pair);
    if (!of_pair) return std::nullopt;
    observed += of_pair->observed / count;
    for (size_t i = 0; i < resampled.size(); ++i) resampled[i] += of_pair->resampled[i] / count;
  }
  return paired_bootstrap(observed, std::move(resampled));
}

int64_t RowComparison::sentences(const std::string& language) {
  for (const ExperimentScore& score : results_.scores) {
    if (score.language == language && !score.predictions.empty())
      return static_cast<int64_t>(counts_of(score).sentences.size());
  }
  return 0;
}

}  // namespace madx::apps::detail
