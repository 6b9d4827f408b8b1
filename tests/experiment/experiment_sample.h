#pragma once

#include <cstdint>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "apps/experiment/experiment_results.h"
#include "madx/eval/span_f1.h"

namespace madx::apps {

/// Made-up results with their files of predictions, the same each time.
class ExperimentSample {
 public:
  /// Files go to `folder`, which is there. A row finds an entity with the chance that `add_row`
  /// gives it.
  explicit ExperimentSample(std::string folder) : folder_(std::move(folder)) {
    results.name = "sample";
    results.encoder = "models/xlmr";
    results.sources = {"en"};
    results.languages = {"en", "sw", "qu"};
    results.unseen = {"qu"};
    results.seeds = {1, 2};
    results.command_line = "madx_experiment --config sample.json";
  }

  /// Scores a row on every language under every source and seed.
  void add_row(const std::string& row, double chance) {
    results.rows.push_back(row);
    for (const auto& source : results.sources) {
      for (const auto& language : results.languages) {
        for (const uint64_t seed : results.seeds) add_score(row, source, language, seed, chance);
      }
    }
  }

  ExperimentResults results;
  int64_t sentences = 60;

 private:
  using Sentences = std::vector<std::vector<std::string>>;

  void add_score(const std::string& row, const std::string& source, const std::string& language,
                 uint64_t seed, double chance) {
    std::mt19937 generator(static_cast<uint32_t>(7 * seed + 131 * row.size() + row.back() +
                                                 1009 * language.front() + 17 * language.back()));
    Sentences gold, predicted;
    const std::string path = folder_ + "/" + std::to_string(files_++) + ".conll";
    std::ofstream file(path);
    for (int64_t i = 0; i < sentences; ++i) {
      const std::string type = i % 3 == 0 ? "PER" : i % 3 == 1 ? "LOC" : "ORG";
      const bool found = generator() % 1000 < 1000 * chance;
      gold.push_back({"B-" + type, "I-" + type, "O"});
      predicted.push_back(found             ? gold.back()
                          : generator() % 2 ? std::vector<std::string>{"B-" + type, "O", "O"}
                                            : std::vector<std::string>{"O", "O", "B-LOC"});
      const std::vector<std::string> tokens = {"Tok" + std::to_string(i), language, "<b>&"};
      for (size_t j = 0; j < tokens.size(); ++j)
        file << tokens[j] << '\t' << gold.back()[j] << '\t' << predicted.back()[j] << '\n';
      file << '\n';
    }
    const NerScores scores = span_f1(gold, predicted);
    ExperimentScore score;
    score.row = row;
    score.source = source;
    score.language = language;
    score.seed = seed;
    score.f1 = scores.micro.f1;
    score.precision = scores.micro.precision;
    score.recall = scores.micro.recall;
    score.entities = scores.micro.entities;
    for (const auto& [type, of_type] : scores.per_type) score.f1_by_type[type] = of_type.f1;
    score.predictions = path;
    results.scores.push_back(score);
  }

  std::string folder_;
  int files_ = 0;
};

}  // namespace madx::apps
