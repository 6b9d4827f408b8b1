#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "madx/eval/span_f1.h"

namespace madx::apps {

/// Scores of one setup (madx, no-inv, ...) on one language's test set.
struct NerRun {
  std::string setup;
  std::string language;
  NerScores scores;
};

/// What zero_shot_ner found out, and what other setups are compared with.
struct NerResults {
  std::string setup;   ///< the one this is about
  std::string source;  ///< language of the labels that was learned from; of several "en+de"
  uint64_t seed = 0;
  std::vector<NerRun>
      runs;  ///< of `setup`, and of other setups to compare with, in the order they are shown
  std::optional<double> train_seconds;  ///< unset when the task adapter was loaded
  std::optional<double> best_dev_f1;    ///< percent; unset without held-out data
};

/// Whether labels of this language were learned from.
bool is_source(const NerResults& results, const std::string& language);

/// An aligned table for the terminal. One setup: precision, recall, F1 (percent), entities and
/// sentences a language; several: F1 a language and setup. Its last line is the mean F1 of the
/// target languages, sources not counted; a setup that lacks a language shows "-".
std::string ner_table(const NerResults& results);

/// Writes results.json: `{"setup", "source", "seed", "languages": {"sw": {"precision", "recall",
/// "f1", "entities", "sentences", "per_type": {"PER": {"precision", "recall", "f1", "entities"}}}},
/// "train": {"seconds", "best_dev_f1"}}`, percent to four decimals, null for what is unset. Runs of
/// other setups are left out. Throws as `write_file` does.
void write_results_json(const std::string& path, const NerResults& results);

/// Reads a results.json, to compare setups: append its runs to those of another. `predicted` and
/// `correct`, which the file lacks, are 0. Throws InputError when it is missing or has another
/// form.
NerResults read_results_json(const std::string& path);

}  // namespace madx::apps
