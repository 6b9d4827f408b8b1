#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "apps/command_line/mixed_text.h"
#include "apps/ner/ner_setup.h"
#include "apps/report/ner_report.h"
#include "madx/data/conll.h"

namespace madx::apps {

/// What a tagger is run on, by language, read before any work.
struct NerInputs {
  std::vector<std::pair<std::string, std::vector<TaggedSentence>>> tests;
  std::vector<std::pair<std::string, std::vector<TaggedSentence>>> texts;  ///< all tags are "O"
  MixedText mixed;
};

/// Runs the tagger under the adapters of each language, and writes into `output`: predictions/,
/// report.html and results.json where there are tests, tagged/ where there is raw text, each whole
/// or not at all. `report` comes with all but scores and predictions. Prints the table of scores
/// and, on a terminal, tagged sentences.
void score(NerModel& model, const NerInputs& inputs, NerReport report, const std::string& output);

}  // namespace madx::apps
