#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "madx/train/metrics_row.h"

namespace madx::apps {

/// What one row of the experiment scored on one language's test set.
struct ExperimentScore {
  std::string row;       ///< as in the configuration: "xlm-r", "madx", "keep-source", ...
  std::string source;    ///< language of the labels; of several "en+de"
  std::string language;  ///< of the test set
  uint64_t seed = 0;
  double f1 = 0, precision = 0, recall = 0;  ///< percent
  int64_t entities = 0;                      ///< in the test set
  std::map<std::string, double> f1_by_type;  ///< percent, by "PER", "LOC", ...
  std::string predictions;  ///< path of a CoNLL file: token, gold, predicted; a sentence ends blank
};

/// A score of row `madx` where the target's language adapter had read so many tokens.
struct ExperimentCurvePoint {
  std::string source, language;
  uint64_t seed = 0;
  int64_t tokens = 0;
  double f1 = 0;  ///< percent
};

/// What was trained on the way: a language adapter, an adapted encoder, a task adapter, ...
struct ExperimentTraining {
  std::string kind;      ///< "language adapter", "adapted encoder", "task adapter", "fine-tuning"
  std::string row;       ///< of a task adapter or fine-tuning; else empty: rows share it
  std::string language;  ///< it learned from
  uint64_t seed = 0;     ///< of a task adapter or fine-tuning; the others have one, the default
  int64_t steps = 0;
  int64_t tokens = 0;                   ///< read, passes over the text counted
  double seconds = 0;                   ///< of training
  int64_t peak_memory = 0;              ///< bytes
  int64_t size = 0;                     ///< bytes of what was written, without run files
  std::optional<double> held_out_loss;  ///< the best
  std::vector<MetricsRow> curve;        ///< its metrics.jsonl
  std::string command;                  ///< that makes it again
};

/// A cell that has no score, and why: "no test set", "mbert: no encoder in the configuration".
struct ExperimentGap {
  std::string row, source, language, reason;
};

/// All that an experiment found out, in the order in which tables show it.
struct ExperimentResults {
  std::string name;                    ///< of the configuration file
  std::string encoder;                 ///< path
  std::vector<std::string> rows;       ///< in the order of the table
  std::vector<std::string> sources;    ///< one: Table 5 of the paper; several: Table 2
  std::vector<std::string> languages;  ///< columns, absent ones among them
  std::vector<std::string> unseen;     ///< those that the encoder has not seen, by configuration
  std::vector<uint64_t> seeds;
  std::vector<ExperimentScore> scores;
  std::vector<ExperimentCurvePoint> curve;
  std::vector<ExperimentTraining> trainings;
  std::vector<ExperimentGap> gaps;
  std::string command_line;
};

}  // namespace madx::apps
