#include "apps/experiment/report/limits.h"

#include <algorithm>
#include <map>

#include "apps/experiment/report/rows.h"
#include "apps/report/html.h"
#include "apps/report/html_page.h"
#include "apps/report/html_table.h"
#include "madx/core/plain_text.h"

namespace madx::apps::detail {
namespace {

constexpr int64_t kFewEntities = 500;

std::string item(const std::string& text) { return "<li>" + escape_html(text) + "</li>\n"; }

std::string about_seeds(const ExperimentResults& results) {
  if (results.seeds.size() < 2) {
    return "One seed: nothing here says how much a score changes from one training to the next. "
           "Differences of a few points may change sign with another seed, marked or not.";
  }
  double largest = 0;
  std::string where;
  for (const std::string& source : results.sources) {
    const ScoreTable table = score_table(results, source);
    for (const ScoreTableLine& line : table.lines) {
      for (size_t i = 0; i < line.cells.size(); ++i) {
        const auto& score = line.cells[i].score;
        if (!score || !score->deviation || *score->deviation < largest) continue;
        largest = *score->deviation;
        where = line.name + " on " + table.languages[i];
      }
    }
  }
  std::string text = std::to_string(results.seeds.size()) + " seeds";
  if (where.empty())
    return text + ", but no score has two of them, so no standard deviation is known.";
  text += "; the largest standard deviation over them is ± " + score_text(largest) + " (" + where +
          "). A difference between two rows that is smaller than the deviation of each may be "
          "absent, or have the other sign, in another training.";
  if (results.seeds.size() < 5)
    text += " From so few seeds, standard deviations are rough estimates.";
  return text;
}

std::map<std::string, int64_t> entities_by_language(const ExperimentResults& results) {
  std::map<std::string, int64_t> entities;
  for (const ExperimentScore& score : results.scores)
    entities[score.language] = std::max(entities[score.language], score.entities);
  return entities;
}

std::string about_test_sets(const ExperimentResults& results) {
  std::vector<std::string> few;
  for (const auto& [language, entities] : entities_by_language(results)) {
    if (entities < kFewEntities) few.push_back(language + " (" + exact_text(entities) + ")");
  }
  if (few.empty()) return "";
  return "Test sets of fewer than " + std::to_string(kFewEntities) +
         " entities: " + list_text(few) +
         ". With 100 entities, a single one is worth about a point of F1; judge "
         "differences on these test sets by the intervals below.";
}

std::string about_unseen(const ExperimentResults& results) {
  std::vector<std::string> unseen;
  for (const std::string& language : results.languages) {
    if (is_unseen(results, language)) unseen.push_back(language);
  }
  if (unseen.empty()) {
    return "The configuration names no language as unseen by the encoder, so nothing here is about "
           "unseen languages.";
  }
  std::string text = "Unseen by the encoder, according to the configuration: " + list_text(unseen) +
                     ". This was not checked.";
  if (unseen.size() == 1) text += " One language cannot represent all unseen ones.";
  return text;
}

std::string about_marks(const MarkCounts& marks) {
  if (marks.tested == 0) return "";
  return std::to_string(marks.marked) + " of " + std::to_string(marks.tested) +
         " tested differences are marked; if none were real, chance alone would mark about " +
         fixed_text(0.05 * static_cast<double>(marks.tested), 0) +
         ". A mark means that, for these trained models, the choice of test sentences is unlikely "
         "to be the only cause; it says nothing about other seeds, texts or domains.";
}

std::string about_gaps(const ExperimentResults& results) {
  size_t cells = 0, absent = 0;
  for (const std::string& source : results.sources) {
    for (const ScoreTableLine& line : score_table(results, source).lines) {
      for (const ScoreCell& cell : line.cells) {
        ++cells;
        absent += cell.score ? 0 : 1;
      }
    }
  }
  if (absent == 0) return "";
  return std::to_string(absent) + " of " + std::to_string(cells) +
         " cells have no score; a row that lacks a target has no mean over targets, so it cannot "
         "have the best one.";
}

std::string test_sets_table(const ExperimentResults& results, RowComparison& comparison) {
  const std::string baseline = baseline_of(results);
  HtmlTable table{"Test sets, and F1 of " + std::string(kMainRow) + " minus that of " +
                      (baseline.empty() ? "a baseline" : baseline) +
                      " (seeds pooled) with a 95 % interval, which covers the choice of test "
                      "sentences only",
                  {"language", "sentences", "entities", "difference", "interval", "p"},
                  {}};
  const auto entities = entities_by_language(results);
  for (const std::string& language : results.languages) {
    if (entities.count(language) == 0) continue;
    std::vector<Pair> pairs;
    for (const Pair& pair : target_pairs(results, false)) {
      if (pair.second == language) pairs.push_back(pair);
    }
    if (pairs.empty()) pairs = {{language, language}};
    const auto tested = comparison.compare(kMainRow, baseline, pairs);
    const int64_t sentences = comparison.sentences(language);
    HtmlRow row;
    for (const std::string& text :
         {language, sentences == 0 ? std::string("–") : exact_text(sentences),
          exact_text(entities.at(language)),
          tested ? difference_text(tested->difference) : std::string("–"),
          tested ? difference_text(tested->low) + " to " + difference_text(tested->high)
                 : std::string("–"),
          tested ? p_text(tested->p) : std::string("–")})
      row.cells.push_back(text_cell(text));
    table.rows.push_back(std::move(row));
  }
  return html_table(table);
}

}  // namespace

std::string limits_section(const ExperimentResults& results, RowComparison& comparison,
                           const MarkCounts& marks) {
  std::string html = "<section id=\"limits\">\n<h2>What may be concluded</h2>\n<ul>\n";
  for (const std::string& text : {about_seeds(results), about_test_sets(results),
                                  about_unseen(results), about_marks(marks), about_gaps(results)}) {
    if (!text.empty()) html += item(text);
  }
  html += "<li>Encoder: " + html_code(results.encoder) +
          ". With an encoder of another vocabulary or other pretraining data, the rows may rank "
          "differently.</li>\n";
  html += item("Labels in " + list_text(results.sources) +
               ": other sources and other annotation guidelines may give other results.");
  html += "</ul>\n";
  if (!results.scores.empty()) html += test_sets_table(results, comparison);
  return html + "</section>\n";
}

}  // namespace madx::apps::detail
