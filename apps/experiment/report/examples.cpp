#include "apps/experiment/report/examples.h"

#include <algorithm>

#include "apps/experiment/report/rows.h"
#include "apps/report/html.h"
#include "apps/report/html_page.h"
#include "apps/report/marked_text.h"
#include "madx/core/error.h"

namespace madx::apps::detail {
namespace {

constexpr size_t kShown = 10;  // of each direction

// A sentence that one row has wrong and the other right.
std::string card(const JudgedSentence& wrong, const std::string& right_row,
                 const std::string& wrong_row) {
  return example_card(html_chip("right", right_row + " correct") + error_chips(wrong.errors()),
                      {{"gold", marked_text(*wrong.tokens, wrong.gold)},
                       {wrong_row, marked_text(*wrong.tokens, wrong.predicted)}});
}

std::string direction(const std::vector<JudgedSentence>& wrong, const std::string& right_row,
                      const std::string& wrong_row) {
  const size_t shown = std::min(kShown, wrong.size());
  std::string html = "<h4>" + escape_html(right_row) + " right, " + escape_html(wrong_row) +
                     " wrong: " + count_text(wrong.size(), "sentence", "sentences") +
                     (shown < wrong.size() ? ", " + std::to_string(shown) + " of them shown" : "") +
                     "</h4>\n";
  for (size_t i = 0; i < shown; ++i) html += card(wrong[i], right_row, wrong_row);
  return html;
}

std::string language_examples(const ExperimentScore& main, const ExperimentScore& other) {
  const NerPredictions a = read_predictions(main.language, main.predictions);
  const NerPredictions b = read_predictions(other.language, other.predictions);
  std::vector<JudgedSentence> main_wrong, other_wrong;
  for (size_t i = 0; i < a.gold.size(); ++i) {
    const TaggedSentence& gold = a.gold[i];
    if (i >= b.gold.size() || b.gold[i].tokens != gold.tokens) {
      input_error(other.predictions, ": sentence ", i + 1, ": expected that of ", main.predictions,
                  ", but found another; score row ", other.row, " again");
    }
    JudgedSentence by_main = judge_sentence(gold.tokens, gold.tags, a.predicted[i]);
    JudgedSentence by_other = judge_sentence(gold.tokens, gold.tags, b.predicted[i]);
    if (by_main.errors().empty() == by_other.errors().empty()) continue;
    if (by_main.errors().empty()) {
      other_wrong.push_back(std::move(by_other));
    } else {
      main_wrong.push_back(std::move(by_main));
    }
  }
  return "<p class=\"dim\">Labels in " + escape_html(main.source) + ", seed " +
         std::to_string(main.seed) + "; " + std::to_string(a.gold.size()) +
         " sentences in the test set.</p>\n" + direction(other_wrong, main.row, other.row) +
         direction(main_wrong, other.row, main.row);
}

}  // namespace

std::string examples_section(const ExperimentResults& results) {
  const std::string baseline = baseline_of(results);
  std::string html = "<section id=\"examples\">\n<h2>Where " + std::string(kMainRow) + " and " +
                     escape_html(baseline.empty() ? "the baseline" : baseline) + " differ</h2>\n";
  std::string folds;
  for (const std::string& language : results.languages) {
    for (const std::string& source : results.sources) {
      if (source == language && results.sources.size() > 1) continue;
      const auto [main, other] = find_predictions(results, kMainRow, baseline, {source, language});
      if (main == nullptr) continue;
      folds += html_fold(language, language_examples(*main, *other), /*open=*/folds.empty(),
                         /*is_long=*/true);
      break;
    }
  }
  if (folds.empty()) {
    html += "<p>No sentences to show: " +
            (baseline.empty() ? std::string("there is no baseline.")
                              : "on no language do both rows have predictions of a common seed.") +
            "</p>\n";
  } else {
    html +=
        "<p>A sentence is right if all its entities are found exactly and nothing else is "
        "predicted. Errors are underlined in red.</p>\n";
  }
  return html + folds + "</section>\n";
}

}  // namespace madx::apps::detail
