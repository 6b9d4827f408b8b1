#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apps/report/ner_results.h"
#include "madx/data/conll.h"
#include "madx/train/metrics_row.h"

namespace madx::apps {

/// A language's test set and the tags predicted for it, sentence by sentence, token by token.
struct NerPredictions {
  std::string language;
  std::vector<TaggedSentence> gold;
  std::vector<std::vector<std::string>> predicted;
};

/// What a run of zero-shot NER is told by: what ran, what came out, and where it went wrong.
struct NerReport {
  NerResults results;
  std::string encoder;                                        ///< path
  std::vector<std::pair<std::string, std::string>> adapters;  ///< name ("sw", "task") and directory
  std::string command_line;
  std::vector<MetricsRow> training;         ///< of the task adapter; may be empty
  std::vector<NerPredictions> predictions;  ///< of `results.setup`
};

/// The report as one HTML page that needs no other file: tables and charts of the scores, the loss
/// curve, and for each language a confusion matrix of token types and up to 40 sentences with gold
/// and predicted entities, wrong ones first. Throws std::invalid_argument when predictions do not
/// match their sentences, InputError for what is not a tag.
std::string ner_report_html(const NerReport& report);

/// Writes `ner_report_html` to a file. Throws as it and `write_file` do.
void write_ner_report(const std::string& path, const NerReport& report);

}  // namespace madx::apps
